import 'reflect-metadata';
import { requireNode } from './platform/config/node-version.js';

requireNode(process.versions.node);
// After the check, because an older Node fails on what these load.
const { serve } = await import('./serve.js');
await serve();
