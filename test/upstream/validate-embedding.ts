import type { IncomingHttpHeaders } from 'node:http';

export type EmbeddingApi = 'voyage' | 'openai';

export interface EmbeddingBody {
  model: string;
  input: string[];
  input_type?: string;
  output_dimension?: number;
  dimensions?: number;
  encoding_format?: string;
}

export interface Refusal {
  status: number;
  body: unknown;
}

const KNOWN: Record<EmbeddingApi, { fields: string[]; most: number; models: RegExp; sized: RegExp; tokens: number }> = {
  voyage: {
    fields: ['model', 'input', 'input_type', 'output_dimension', 'encoding_format', 'truncation'],
    most: 1_000,
    models: /^voyage-/,
    sized: /^voyage-(3|4|code-3)/,
    tokens: 120_000,
  },
  openai: {
    fields: ['model', 'input', 'dimensions', 'encoding_format', 'user'],
    most: 2_048,
    models: /^(text-embedding-|nomic-embed)/,
    sized: /^text-embedding-3-/,
    tokens: 300_000,
  },
};

/** Why the real server would refuse a request. */
export function refusalOfEmbedding(
  api: EmbeddingApi,
  headers: IncomingHttpHeaders,
  body: EmbeddingBody,
  limits: { apiKey: string | null; maxTokens: number },
): Refusal | null {
  const { apiKey } = limits;
  if (apiKey !== null && headers.authorization !== `Bearer ${apiKey}`)
    return refused(api, 401, `Incorrect API key provided: ${String(headers.authorization)}`);
  const fault = headers['content-type'] === 'application/json' ? faultOf(api, body) : 'Expected JSON';
  if (fault) return refused(api, 400, fault);
  if (!KNOWN[api].models.test(body.model)) return refused(api, 404, `The model ${body.model} does not exist`);
  const tokens = body.input.map((text) => Math.ceil(Buffer.byteLength(text) / 4));
  if (api === 'openai' && tokens.some((count) => count > limits.maxTokens))
    return refused(api, 400, `This model's maximum context length is ${limits.maxTokens} tokens, reduce your input`);
  if (tokens.reduce((sum, count) => sum + count, 0) > KNOWN[api].tokens)
    return refused(api, 400, `Max allowed tokens per submitted batch is ${KNOWN[api].tokens}`);
  return null;
}

function faultOf(api: EmbeddingApi, body: EmbeddingBody): string | null {
  const { fields, most, sized } = KNOWN[api];
  const unknown = Object.keys(body).find((name) => !fields.includes(name));
  if (unknown !== undefined) return `Unrecognized request argument supplied: ${unknown}`;
  const { input, input_type: type, encoding_format: encoding } = body;
  if (!Array.isArray(input) || input.length === 0 || input.length > most) return `input must be 1 to ${most} texts`;
  if (!input.every((text) => typeof text === 'string' && text !== '')) return 'input can not hold an empty string';
  if (api === 'voyage' && type !== 'query' && type !== 'document') return 'input_type must be query or document';
  if (encoding !== undefined && !(encoding === 'base64' || (api === 'openai' && encoding === 'float')))
    return 'encoding_format is not valid';
  const size = body.output_dimension ?? body.dimensions;
  if (size !== undefined && !sized.test(body.model)) return 'This model does not support specifying dimensions';
  if (api === 'voyage' && size !== undefined && ![256, 512, 1024, 2048].includes(size))
    return 'output_dimension is not valid';
  return null;
}

function refused(api: EmbeddingApi, status: number, message: string): Refusal {
  return {
    status,
    body: api === 'voyage' ? { detail: message } : { error: { message, type: 'invalid_request_error' } },
  };
}
