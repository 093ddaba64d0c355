import type { IncomingMessage } from 'node:http';
import { BadRequest } from '../../contracts/errors.js';
import { assertNotEncoded, cutOff, hasBody, tooLarge, unsupported } from './body-refusals.js';

const JSON_TYPE = /^application\/([\w.!#$&^-]+\+)?json$/i;
const UTF8 = /^"?utf-?8"?$/i;

/**
 * The JSON body of a request; undefined when it has none. Read under the limit, never beyond it.
 * @throws BadRequest for what is no JSON in UTF-8; DomainError 413 for one over the limit, 415 for any other kind
 */
export async function readJsonBody(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  if (!hasBody(request.headers)) return undefined;
  assertJson(request.headers);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge('The body', limitBytes);
  const bytes = await readBytes(request, limitBytes);
  return bytes.length === 0 ? undefined : parse(bytes);
}

function assertJson(headers: IncomingMessage['headers']): void {
  assertNotEncoded(headers);
  const [type = '', ...parameters] = (headers['content-type'] ?? '').split(';').map((part) => part.trim());
  if (!JSON_TYPE.test(type)) throw unsupported('The body must be application/json');
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter))?.slice('charset='.length);
  if (charset !== undefined && !UTF8.test(charset)) throw unsupported('The body must be in UTF-8');
}

function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) settle(() => reject(tooLarge('The body', limitBytes)));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, size)));
    const onBroken = () => settle(() => reject(cutOff()));
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

function parse(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BadRequest('The body is not valid UTF-8', { cause });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BadRequest('The body is not valid JSON', { cause });
  }
}
