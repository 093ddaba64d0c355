/**
 * Runs the fake upstream by itself, by Node's own type stripping: `node test/upstream/serve.mjs [port]` prints its URL.
 * Point ANTHROPIC_BASE_URL at it, with any ANTHROPIC_API_KEY.
 */
import { registerHooks } from 'node:module';

// These sources name their neighbours as they are called when compiled.
const here = new URL('.', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    next(context.parentURL?.startsWith(here) ? specifier.replace(/^(\.\/.*)\.js$/, '$1.ts') : specifier, context),
});

const { FakeAnthropic } = await import('./fake-anthropic.js');
const fake = await new FakeAnthropic().start(Number(process.argv[2] ?? 0));
process.stdout.write(`${fake.url}\n`);
