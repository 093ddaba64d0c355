import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { SearchResultDto } from '../src/modules/rag/search/search.dto.js';
import type { Client } from './client.js';
import { eventually } from './platform-fixtures.js';
import { formOf } from './sample-files.js';

type Body = Record<string, unknown>;

export async function collection(as: Client, body: Body = {}): Promise<CollectionDto> {
  return (await as.post('/rag/collections', { name: 'Handbook', ...body }).expect(201)).json<CollectionDto>();
}

/** Asks for a text to be taken in. */
export async function givenText(as: Client, collectionId: string, text: string, body: Body = {}): Promise<DocumentDto> {
  const answer = await as.post('/rag/documents', { collectionId, text, ...body }).expect(202);
  return answer.json<{ document: DocumentDto }>().document;
}

export async function givenFile(
  as: Client,
  collectionId: string,
  bytes: Uint8Array | string,
  name: string,
): Promise<DocumentDto> {
  const form = formOf(bytes, name);
  form.append('collectionId', collectionId);
  return (await as.post('/rag/documents', form).expect(202)).json<{ document: DocumentDto }>().document;
}

/** The document once it is ready or has failed. */
export async function settled(as: Client, { id }: Pick<DocumentDto, 'id'>, withinMs = 60_000): Promise<DocumentDto> {
  return eventually(
    async () => (await as.get(`/rag/documents/${id}`).expect(200)).json<DocumentDto>(),
    ({ status }) => status === 'ready' || status === 'failed',
    withinMs,
  );
}

/** A text that can be found. */
export async function readyText(as: Client, collectionId: string, text: string, body: Body = {}): Promise<DocumentDto> {
  return settled(as, await givenText(as, collectionId, text, body));
}

export async function search(as: Client, body: Body): Promise<SearchResultDto[]> {
  return (await as.post('/rag/search', body).expect(200)).json<{ results: SearchResultDto[] }>().results;
}
