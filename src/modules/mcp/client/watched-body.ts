interface BodyWatch {
  /** Throws when it may not go on. */
  onChunk: (chunk: Uint8Array) => void;
  /** Once, however it ended. */
  onEnd: () => void;
}

/** The same response, looked at while it is read, and read no faster than it is taken. */
export function watched(response: Response, { onChunk, onEnd }: BodyWatch): Response {
  if (!response.body) return response;
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            onEnd();
            return;
          }
          onChunk(value);
          controller.enqueue(value);
        } catch (error) {
          controller.error(error);
          onEnd();
          await reader.cancel(error).catch(() => undefined);
        }
      },
      async cancel(reason) {
        onEnd();
        await reader.cancel(reason).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
