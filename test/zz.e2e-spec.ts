import { afterAll, beforeAll, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { collection, readyText, search } from './collections.js';
import { Given } from './given.js';
let app: TestApp;
beforeAll(async () => { app = await startApp({ LOG_LEVEL: 'debug' }); }, 60_000);
afterAll(() => app.close());
it('x', async () => {
  const t = await new Given(app).tenant();
  const c = await collection(t.as);
  console.log(JSON.stringify(await readyText(t.as, c.id, 'The vault opens with the word xylophone.')));
  console.log(JSON.stringify(await search(t.as, { collectionIds: [c.id], query: 'vault word' }), null, 1));
});
