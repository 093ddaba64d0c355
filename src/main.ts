import 'reflect-metadata';
import module from 'node:module';
import { join } from 'node:path';
import { requireNode } from './platform/config/node-version.js';

requireNode(process.versions.node);
// What was compiled at one start is there at the next, which saves about a seventh of its time; a folder that can't be
// written to does no harm.
module.enableCompileCache(join(import.meta.dirname, '.compile-cache'));
// After the check, because an older Node fails on what these load.
const { serve } = await import('./serve.js');
await serve();
