import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Answer } from './client.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
}, 60_000);
afterAll(() => app.close());

function faultOf(answer: Answer): string {
  return answer.json<{ validationErrors: [{ message: string }] }>().validationErrors[0].message;
}

/** Each of `levels` definitions names the next twice: so many as nothing can go through. */
function doubling(levels: number): object {
  const name = (level: number) => ({ $ref: `#/$defs/l${level}` });
  const level = (at: number) => (at === levels ? { type: 'integer' } : { allOf: [name(at + 1), name(at + 1)] });
  return {
    ...name(0),
    $defs: Object.fromEntries(Array.from({ length: levels + 1 }, (_, at) => [`l${at}`, level(at)])),
  };
}

describe('An output schema', () => {
  it.each<[string, object, RegExp]>([
    ['a type that is none', { type: 'strnig' }, /^outputSchema must be a JSON Schema: \/type must be equal to one of/],
    ['a wrong kind of keyword', { properties: { a: { required: 'b' } } }, /\/properties\/a\/required must be array/],
    ['a reference to the outside', { $ref: 'https://example.com/schema.json' }, /can't resolve reference https:/],
    ['a reference to a file', { properties: { a: { $ref: 'file:///etc/passwd' } } }, /can't resolve reference file:/],
    ['a reference to nothing', { $ref: '#/$defs/a' }, /can't resolve reference #\/\$defs\/a/],
    ['a pattern that is none', { type: 'string', pattern: '(' }, /Invalid regular expression/],
    ['another dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, /draft-04/],
    ['a dialect that is no text', { $schema: 7 }, /\$schema/],
    ['a keyword of Ajv alone', { $async: true }, /\$async/],
    ['nothing but itself', { $ref: '#' }, /refers to itself without end/],
    ['more than 64 KiB', { description: 'ä'.repeat(33_000) }, /must not be larger than 65536 bytes/],
  ])('with %s is refused', async (_what, outputSchema, fault) => {
    const { as, agentId } = await given.agent();
    const created = await as.post('/agents', { name: 'A', outputSchema }).expect(422);
    expect(faultyFields(created)).toEqual(['outputSchema']);
    expect(faultOf(created)).toMatch(fault);
    expect(faultyFields(await as.patch(`/agents/${agentId}`, { outputSchema }).expect(422))).toEqual(['outputSchema']);
    const file = { format: 'atrium.agent', formatVersion: 1, agent: { name: 'A', outputSchema } };
    expect(faultOf(await as.post('/agents/import', file).expect(422))).toMatch(/^agent\.outputSchema /);
    expect((await as.get(`/agents/${agentId}`).expect(200)).json()).toMatchObject({ version: 1, outputSchema: null });
  });

  it('that takes longer than it may is refused, and others are not held up', async () => {
    const { as, agentId } = await given.agent();
    const slow = as.patch(`/agents/${agentId}`, { outputSchema: doubling(60) });
    await as.get(`/agents/${agentId}`).expect(200);
    await as.post('/agents', { name: 'B', outputSchema: { type: 'object' } }).expect(201);
    expect(faultOf(await slow.expect(422))).toMatch(/^outputSchema takes more (time|memory) than it may$/);
  });

  it.each<[string, object]>([
    ['holds itself', { type: 'array', items: { $ref: '#' } }],
    ['is fit by nothing', { not: {} }],
    ['names its dialect and itself', { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'https://a.b/c' }],
    ['has formats and keywords of its own', { type: 'string', format: 'odd', 'x-order': 1, nullable: true }],
    ['has a pattern that may take for ever', { type: 'string', pattern: '^(a+)+$' }],
    ['has names of the language', { properties: { constructor: {}, toString: { type: 'string' }, "a'`${b}": {} } }],
    ['says nothing', {}],
  ])('that %s is taken as it is', async (_what, outputSchema) => {
    const { as } = await given.tenant();
    const agent = (await as.post('/agents', { name: 'A', outputSchema }).expect(201)).json<{ id: string }>();
    expect((await as.get(`/agents/${agent.id}`).expect(200)).json()).toMatchObject({ outputSchema });
  });

  it('is refused after an agent that is not there', async () => {
    const { as } = await given.tenant();
    const { agentId } = await given.agent();
    await as.patch(`/agents/${agentId}`, { outputSchema: { type: 'strnig' } }).expect(404);
  });
});
