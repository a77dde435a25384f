// Which of several Redis servers a channel belongs to, as a backend works it out: FNV-1a of 64 bits over the channel's name
// with its prefix, then a jump consistent hash (Lamping and Veach, arXiv 1406.2294) over the servers in the options' order.
const MASK = (1n << 64n) - 1n;

export function fnv1a64(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK;
  return hash;
}

export function jumpHash(hash, n) {
  let key = hash, bucket = -1, next = 0;
  while (next < n) {
    bucket = next;
    key = (key * 2862933555777941757n + 1n) & MASK;
    next = Math.floor((bucket + 1) * (2 ** 31 / (Number(key >> 33n) + 1)));
  }
  return bucket;
}

export const shardOf = (name, n) => jumpHash(fnv1a64(name), n);
