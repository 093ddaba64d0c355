import type { Client } from './client.js';
import { collection, readyText } from './collections.js';
import { countOf, type KeyedPost } from './keyed-post.js';
import { formOf } from './sample-files.js';

/** What collections take with a key, and in which ways. */
export const KNOWLEDGE_POSTS: [operation: string, how: string, make: (as: Client) => Promise<KeyedPost>][] = [
  ['collections_create', '', newCollection],
  ['documents_create', 'of a text', (as) => documents(as, { text: 'Text' })],
  ['documents_create', 'of a file', file],
  ['documents_create', 'that is there', knownDocument],
  ['documents_createBatch', '', (as) => documents(as, { documents: [{ text: 'One' }, { text: 'Two' }] }, '/batch')],
  ['documents_reindex', '', reindexing],
  ['search_search', '', searching],
  ['answers_query', '', question],
  ['evaluations_create', '', evaluation],
];

function newCollection(as: Client): Promise<KeyedPost> {
  const path = '/rag/collections';
  return Promise.resolve({ as, path, body: { name: 'C' }, made: () => countOf(as, path) });
}

async function documents(as: Client, given: object, suffix = ''): Promise<KeyedPost> {
  const { id: collectionId } = await collection(as);
  const made = () => countOf(as, `/rag/documents?collectionId=${collectionId}`);
  return { as, path: `/rag/documents${suffix}`, body: { collectionId, ...given }, made };
}

async function file(as: Client): Promise<KeyedPost> {
  const { id: collectionId } = await collection(as);
  const [body, other] = ['text', 'another text'].map((text) => {
    const form = formOf(text);
    form.append('collectionId', collectionId);
    return form;
  });
  const made = () => countOf(as, `/rag/documents?collectionId=${collectionId}`);
  return { as, path: '/rag/documents', body, other, made };
}

/** Answered with what is there, about which nothing has happened. */
async function knownDocument(as: Client): Promise<KeyedPost> {
  const post = await documents(as, { text: 'Text' });
  await as.post(post.path, post.body).expect(202);
  return post;
}

async function reindexing(as: Client): Promise<KeyedPost> {
  const { id } = await readyText(as, (await collection(as)).id, 'Text');
  const made = () => countOf(as, `/audit-logs?action=document.reindexed&resourceId=${id}`);
  return { as, path: `/rag/documents/${id}/reindex`, made };
}

/** Changes nothing. */
async function searching(as: Client): Promise<KeyedPost> {
  const { path, body, made } = await question(as);
  return { as, path: path.replace('query', 'search'), body: { ...body, question: undefined, query: 'whales' }, made };
}

async function question(as: Client): Promise<KeyedPost> {
  const { id } = await collection(as);
  await readyText(as, id, 'Whales are mammals.');
  const made = () => countOf(as, `/rag/queries?collectionId=${id}`);
  return { as, path: '/rag/query', body: { collectionIds: [id], question: 'What are whales?' }, made };
}

async function evaluation(as: Client): Promise<KeyedPost> {
  const { id: collectionId } = await collection(as);
  const { id } = await readyText(as, collectionId, 'Whales are mammals.');
  const cases = [{ query: 'whales', relevant: [id] }];
  const made = () => countOf(as, '/audit-logs?action=evaluation.created');
  return { as, path: '/rag/evaluations', body: { collectionIds: [collectionId], cases, modes: ['keyword'] }, made };
}
