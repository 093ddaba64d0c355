import { describe, expect, it } from '@jest/globals';
import { gif, jpeg, png, webp } from '../../../test/sample-files.js';
import { imageSize } from './image-size.js';
import type { ImageType } from './sniffed-type.js';

/** The smallest lossy and extended ones there are, of 16 × 9 and 300 × 200 pixels. */
const LOSSY = webpOf('VP8 ', Buffer.from([0, 0, 0, 0x9d, 1, 0x2a, 16, 0, 9, 0]));
const EXTENDED = webpOf('VP8X', Buffer.from([0, 0, 0, 0, 43, 1, 0, 199, 0, 0]));

function webpOf(kind: string, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`RIFF\0\0\0\0WEBP${kind}\0\0\0\0`, 'latin1'), data]);
}

/** A second frame beyond the screen that the first one fills. */
function gifWithHugeFrame(): Buffer {
  const one = gif(2, 2);
  const frame = Buffer.from(one.subarray(19, -1));
  const at = frame.indexOf(0x2c);
  frame.writeUInt16LE(50_000, at + 5);
  return Buffer.concat([one.subarray(0, -1), frame.subarray(at), Buffer.from([0x3b])]);
}

describe('imageSize', () => {
  it.each<[ImageType, string, Buffer, { width: number; height: number }]>([
    ['image/png', '', png(3, 4), { width: 3, height: 4 }],
    ['image/jpeg', '', jpeg(3, 4), { width: 3, height: 4 }],
    ['image/jpeg', 'behind other segments', jpeg(3, 4, 200_000), { width: 3, height: 4 }],
    ['image/gif', '', gif(3, 4), { width: 3, height: 4 }],
    ['image/gif', 'whose second frame is huge', gifWithHugeFrame(), { width: 50_000, height: 2 }],
    ['image/webp', 'without loss', webp(300, 200), { width: 300, height: 200 }],
    ['image/webp', 'with loss', LOSSY, { width: 16, height: 9 }],
    ['image/webp', 'extended', EXTENDED, { width: 300, height: 200 }],
  ])('reads the headers of an %s %s', (type, _how, bytes, size) => {
    expect(imageSize(type, bytes)).toEqual(size);
  });

  it.each<[ImageType, Buffer]>([
    ['image/png', png()],
    ['image/jpeg', jpeg(3, 4, 1_000)],
    ['image/gif', gif()],
    ['image/webp', webp()],
  ])('says nothing, or what it says of the whole, of an %s cut anywhere', (type, bytes) => {
    const whole = imageSize(type, bytes);
    for (let length = 0; length < Math.min(bytes.length, 2_000); length++)
      expect([undefined, whole]).toContainEqual(imageSize(type, bytes.subarray(0, length)));
  });

  it('ends with any bytes whatever', () => {
    for (let seed = 1; seed < 500; seed++) {
      const noise = Buffer.from(Array.from({ length: 200 }, (_, index) => (seed * 7919 + index * index * seed) & 0xff));
      for (const type of ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const) {
        const size = imageSize(type, noise);
        expect(size === undefined || size.width > 0).toBe(true);
      }
    }
  });
});
