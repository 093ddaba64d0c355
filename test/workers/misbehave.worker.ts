/** Does what its input says, for better or worse. */
export default function misbehave(input: { how: 'answer' | 'throw' | 'spin' | 'grow' | 'hoard' | 'peek' }): unknown {
  switch (input.how) {
    case 'answer':
      return { given: input };
    case 'throw':
      throw new RangeError('the input is bad');
    case 'spin':
      for (;;);
    case 'grow': {
      const held: string[] = [];
      for (let n = 0; ; n++) held.push(String(n).repeat(1_000));
    }
    case 'hoard': {
      const held: Uint8Array[] = [];
      for (;;) held.push(new Uint8Array(4_000_000).fill(1));
    }
    case 'peek':
      return process.env;
  }
}
