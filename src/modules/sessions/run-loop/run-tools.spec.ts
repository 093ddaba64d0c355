import { describe, expect, it } from '@jest/globals';
import type { Passage } from '../../../contracts/passage.js';
import { KnowledgeTools, type KnowledgeQuery } from '../../tools/tool-knowledge.js';
import { passagesOf, passagesResult } from '../../tools/tool-passages.js';
import { outputText } from '../../tools/tool-output.js';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import { DEFAULT_DEFINITION, type AgentDefinition } from '../../agents/agent-definition.js';
import { pinRun } from '../runs/pin-run.js';
import type { SessionEntity } from '../session.entity.js';
import { RunTools } from './run-tools.js';

const PASSAGE: Passage = { chunkId: 'c', documentId: 'd', title: 'T', content: 'Words', page: null, headingPath: [] };

function given(found: Passage[] = [PASSAGE]) {
  const asked: Omit<KnowledgeQuery, 'signal'>[] = [];
  const registry = new ToolRegistry();
  registry.addSource(
    new KnowledgeTools({
      search: ({ signal: _signal, ...query }) => {
        asked.push(query);
        return Promise.resolve(found);
      },
    }),
  );
  return { asked, registry, tools: new RunTools(registry) };
}

function pinned(definition: Partial<AgentDefinition>, disabledTools: string[] = []) {
  const session = {
    systemPrompt: null,
    tools: null,
    clientTools: [],
    permissionPolicy: null,
  } as unknown as SessionEntity;
  const agent = { definition: { ...DEFAULT_DEFINITION, ...definition } } as Parameters<typeof pinRun>[1];
  return pinRun(session, agent, { permissionPolicy: null, disabledTools });
}

const context = { executionId: 'e', sessionId: 's', runId: 'r', toolUseId: 't', signal: new AbortController().signal };

describe('RunTools', () => {
  it('gives an agent that has collections the search in them, named or not', async () => {
    for (const tools of [[], ['rag:search'], ['rag:*']]) {
      const { asked, tools: runTools } = given();
      const offered = await runTools.of(pinned({ tools, collectionIds: ['one', 'two'] }));
      expect([...offered.tools.keys()]).toEqual(['rag:search']);
      await offered.tools.get('rag:search')?.call({ query: 'days?' }, context);
      expect(asked).toEqual([{ query: 'days?', collectionIds: ['one', 'two'], topK: 8, filter: null }]);
    }
  });

  it('gives who has none and names it the search in all that the person may read, others none', async () => {
    const { asked, tools } = given();
    expect((await tools.of(pinned({}))).tools.size).toBe(0);
    const offered = await tools.of(pinned({ tools: ['rag:search'] }));
    await offered.tools.get('rag:search')?.call({ query: 'x', topK: 3, filter: { a: 1 } }, context);
    expect(asked).toEqual([{ query: 'x', collectionIds: null, topK: 3, filter: { a: 1 } }]);
  });

  it('gives nobody what the tenant has switched off', async () => {
    const { tools } = given();
    expect((await tools.of(pinned({ collectionIds: ['one'] }, ['rag:search']))).tools.size).toBe(0);
  });

  it('is known by its name before anybody has collections', async () => {
    const { registry } = given();
    expect(await registry.unresolved([['rag:search', 'rag:*', 'rag:other']])).toEqual([['rag:other']]);
    expect((await registry.list()).map(({ definition }) => definition.name)).toEqual(['rag:search']);
    expect(await registry.serverName('rag')).toBeNull();
  });
});

describe('Passages in the output of a tool', () => {
  const called = (output: string) => ({ name: 'rag:search', isError: false, output });

  it('come back as they were', () => {
    const passages = [{ ...PASSAGE, content: 'a "b" \n😀', page: 2, headingPath: ['x'] }];
    expect(passagesOf(called(outputText(passagesResult(passages))))).toEqual(passages);
  });

  it('are as many, whole, as there is room for', () => {
    const long = Array.from({ length: 5 }, (_, index) => ({
      ...PASSAGE,
      chunkId: String(index),
      content: 'x'.repeat(25_000),
    }));
    const kept = passagesOf(called(outputText(passagesResult(long))));
    expect(kept?.map(({ chunkId }) => chunkId)).toEqual(['0', '1']);
  });

  it('are none of other tools, of errors, of cut texts or of what is no such JSON', () => {
    const output = outputText(passagesResult([PASSAGE]));
    expect(passagesOf({ ...called(output), name: 'mine:search' })).toBeNull();
    expect(passagesOf({ ...called(output), isError: true })).toBeNull();
    expect(passagesOf({ ...called(output), truncated: true })).toBeNull();
    for (const other of ['words', '[]', '{}', 'null']) expect(passagesOf(called(other))).toBeNull();
  });
});
