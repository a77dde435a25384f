// What one client may believe of one channel, kept frame by frame: a durable channel by its places, a live one by the numbers
// that its publisher gave to the payloads, {"n":1}, {"n":2} and so on.

class Book {
  problems = [];
  n_received = 0;
  n_gaps = 0;

  constructor(channel) {
    this.channel = channel;
  }

  problem(text) {
    if (this.problems.length < 20) this.problems.push(`${this.channel}: ${text}`);
  }
}

export class DurableBook extends Book {
  position = null; // {epoch, seq}: all up to here is known
  places = []; // what was received, as epoch-seq
  last = null; // the number in the newest message
  epochs = 0; // begun while the client listened
  resumes = { recovered: 0, refused: 0 };

  resume() {
    return this.position ?? undefined;
  }

  subscribed({ epoch, seq, recovered }) {
    const isResume = this.position !== null;
    if (isResume && typeof recovered !== 'boolean') this.problem('a resume that does not say whether it recovered');
    if (isResume && recovered === true) {
      this.resumes.recovered++;
      if (epoch !== this.position.epoch || seq !== this.position.seq)
        this.problem(`messages will follow ${epoch}-${seq}, not ${this.position.epoch}-${this.position.seq}`);
    } else if (isResume) {
      this.resumes.refused++;
    }
    this.#move(epoch, seq);
  }

  #move(epoch, seq) {
    this.position = epoch && epoch !== '0' ? { epoch, seq } : null;
  }

  message({ epoch, seq, data }) {
    this.n_received++;
    this.last = data?.n;
    if (epoch === undefined) return this.problem('a message without its place');
    const { position } = this;
    const isNext = position !== null && epoch === position.epoch && seq === position.seq + 1;
    const isNew = (position === null || BigInt(epoch) > BigInt(position.epoch)) && seq === 1;
    if (isNew && position !== null) this.epochs++;
    if (!isNext && !isNew) this.problem(`${epoch}-${seq} after ${position?.epoch}-${position?.seq}`);
    this.position = { epoch, seq };
    this.places.push(`${epoch}-${seq}`);
  }

  gap({ epoch, seq }) {
    this.n_gaps++;
    this.#move(epoch, seq);
  }

  disconnected() {}
}

export class LiveBook extends Book {
  last = null;
  mayMiss = true; // until the first message behind a subscription
  holes = []; // [from, to] that nothing announced: missed, if they were published at all
  announced = []; // the same where a gap or the client's own reconnection said so

  resume() {
    return undefined;
  }

  subscribed() {}

  message({ data }) {
    this.n_received++;
    const n = data?.n;
    if (!Number.isInteger(n)) return this.problem(`not a numbered payload: ${JSON.stringify(data)}`);
    if (this.last !== null && n <= this.last) this.problem(`${n} after ${this.last}`);
    if (this.last !== null && n > this.last + 1) {
      const holes = this.mayMiss ? this.announced : this.holes;
      holes.push([this.last + 1, n - 1]);
    }
    this.last = n;
    this.mayMiss = false;
  }

  gap() {
    this.n_gaps++;
    this.mayMiss = true;
  }

  disconnected() {
    this.mayMiss = true;
  }
}
