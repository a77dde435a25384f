// A link of the test's own: a pair of interfaces, its far end in a network namespace. What is sent over it can be made to vanish,
// both ways or only one of them, without a word to anybody.
import { spawnSync } from 'node:child_process';
import { run } from './child.mjs';

const NOBODY = '02:00:00:00:00:01'; // an address that no interface has
const BLOCKS = 1 << 15; // of four addresses each, in what RFC 2544 keeps for tests: 198.18.0.0/15

export async function ip(...args) {
  const { code, errors } = await run('ip', args);
  return code === 0 ? null : `ip ${args.join(' ')}: ${errors || 'not possible here'}`;
}

export class Link {
  static #n = 0;
  fault = null; // why there is none

  // Never fails: where it is not possible there is a fault.
  static async build() {
    const link = new Link();
    const id = `${process.pid}x${Link.#n}`;
    const first = 4 * ((process.pid + Link.#n++ * 7919) % BLOCKS);
    const address = (offset) => `198.${18 + (first >> 16)}.${(first >> 8) & 0xff}.${(first & 0xff) + offset}`;
    Object.assign(link, { name: `barker${id}`, near: `bn${id}`, far: `bf${id}` });
    Object.assign(link, { nearAddress: address(1), farAddress: address(2) });
    link.within = ['ip', 'netns', 'exec', link.name]; // before a command that is to run at the far end
    process.on('exit', () => link.remove());
    link.fault = await link.#make();
    if (link.fault) link.remove();
    return link;
  }

  async #make() {
    if (spawnSync('ip', ['-V']).error) return 'ip, of iproute2, is not installed';
    const steps = [
      ['netns', 'add', this.name],
      ['link', 'add', this.near, 'type', 'veth', 'peer', 'name', this.far],
      ['link', 'set', this.far, 'netns', this.name],
      ['addr', 'add', `${this.nearAddress}/30`, 'dev', this.near],
      ['link', 'set', this.near, 'up'],
      ['-n', this.name, 'addr', 'add', `${this.farAddress}/30`, 'dev', this.far],
      ['-n', this.name, 'link', 'set', 'lo', 'up'],
      ['-n', this.name, 'link', 'set', this.far, 'up'],
    ];
    for (const step of steps) {
      const fault = await ip(...step);
      if (fault) return fault.replaceAll('\n', ' ');
    }
    return null;
  }

  // The far end goes down, or up again.
  async set(state) {
    const fault = await ip('-n', this.name, 'link', 'set', this.far, state);
    if (fault) throw new Error(fault);
  }

  // What is sent towards the 'far' or the 'near' end is addressed to nobody and dropped there, until mend().
  async drop(...towards) {
    await this.#neighbours(towards, 'replace', 'lladdr', NOBODY, 'nud', 'permanent');
  }

  async mend(...towards) {
    await this.#neighbours(towards, 'del');
  }

  async #neighbours(towards, verb, ...rest) {
    for (const end of towards) {
      const args = end === 'far' ? ['neigh', verb, this.farAddress, ...rest, 'dev', this.near]
        : ['-n', this.name, 'neigh', verb, this.nearAddress, ...rest, 'dev', this.far];
      const fault = await ip(...args);
      if (fault) throw new Error(fault);
    }
  }

  // To be called again and again, and when the process ends before its time.
  remove() {
    for (const args of [['link', 'del', this.near], ['netns', 'del', this.name]]) spawnSync('ip', args, { stdio: 'ignore' });
  }
}
