import { expect } from '@jest/globals';
import type { Citation } from '../src/contracts/passage.js';
import type { AnswerDto } from '../src/modules/answers/answers.dto.js';
import type { ChunkDto, ChunkPage } from '../src/modules/rag/documents/chunks.dto.js';
import type { Client } from './client.js';

/** A streamed answer, as it was told. */
export interface ToldAnswer {
  types: string[];
  /** What the deltas since the last discarded ones add up to. */
  text: string;
  discarded: string[];
  completed: AnswerDto | null;
  failed: { code: string; message: string } | null;
  replayed: boolean;
}

type Body = Record<string, unknown>;

export async function ask(as: Client, body: Body): Promise<AnswerDto> {
  return (await as.post('/rag/query', body).expect(200)).json<AnswerDto>();
}

export async function askStreaming(as: Client, body: Body, headers: Record<string, string> = {}): Promise<ToldAnswer> {
  const response = await as.fetch('POST', '/rag/query', { ...body, stream: true }, headers);
  const text = await response.text();
  if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
    throw new Error(`no stream: ${response.status} ${text}`);
  return { ...toldAnswer(text), replayed: response.headers.get('idempotent-replayed') === 'true' };
}

function toldAnswer(stream: string): Omit<ToldAnswer, 'replayed'> {
  const told: Omit<ToldAnswer, 'replayed'> = { types: [], text: '', discarded: [], completed: null, failed: null };
  for (const [, type = '', data = ''] of stream.matchAll(/^event: (\S+)\ndata: (.*)$/gm)) {
    const said = JSON.parse(data) as { text: string; error: ToldAnswer['failed'] };
    told.types.push(type);
    if (type === 'answer.delta') told.text += said.text;
    if (type === 'query.completed') told.completed = said as unknown as AnswerDto;
    if (type === 'query.failed') told.failed = said.error;
    if (type !== 'answer.discarded') continue;
    told.discarded.push(told.text);
    told.text = '';
  }
  return told;
}

export async function chunksOf(as: Client, documentId: string): Promise<ChunkDto[]> {
  const chunks: ChunkDto[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = `/rag/documents/${documentId}/chunks?limit=100${cursor && `&cursor=${cursor}`}`;
    const page: ChunkPage = (await as.get(path).expect(200)).json<ChunkPage>();
    chunks.push(...page.data);
    cursor = page.nextCursor;
  }
  return chunks;
}

/** The pieces of an answer with what they cite, once each is found in the chunk, and in the answer, where it says. */
export async function verified(
  as: Client,
  answer: string,
  citations: readonly Citation[],
): Promise<{ said: string; quote: string; documentId: string }[]> {
  const all: { said: string; quote: string; documentId: string }[] = [];
  for (const citation of citations) {
    const { documentId, chunkId, title, quote, start, end, answerStart, answerEnd } = citation;
    expect(Object.keys(citation).sort()).toEqual(
      ['answerEnd', 'answerStart', 'chunkId', 'documentId', 'end', 'quote', 'start', 'title'].sort(),
    );
    const chunk = (await chunksOf(as, documentId)).find(({ id }) => id === chunkId);
    expect(chunk?.content.slice(start, end)).toBe(quote);
    expect(quote).not.toBe('');
    expect((await as.get(`/rag/documents/${documentId}`).expect(200)).json()).toMatchObject({ title });
    expect(0 <= answerStart && answerStart < answerEnd && answerEnd <= answer.length).toBe(true);
    all.push({ said: answer.slice(answerStart, answerEnd), quote, documentId });
  }
  return all;
}
