import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { ResponseTooLarge } from './request-failures.js';

/** Reads on only as it is read, so that what comes compressed never unfolds further than allowed. */
export function boundedBody(
  body: NodeReadableStream,
  maxBytes: number | null,
  failed: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = (body as NodeReadableStream<Uint8Array>).getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            return;
          }
          bytes += value.byteLength;
          if (maxBytes !== null && bytes > maxBytes) throw new ResponseTooLarge(maxBytes);
          controller.enqueue(value);
        } catch (error) {
          controller.error(failed(error));
          await reader.cancel(error).catch(() => undefined);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
