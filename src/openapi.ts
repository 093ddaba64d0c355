import 'reflect-metadata';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { setApiPrefix } from './platform/http/api-prefix.js';
import { buildOpenApi } from './platform/http/openapi.js';
import { Settings } from './platform/config/settings.js';

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: node dist/openapi.js <file>\n');
  process.exit(2);
}

// A preview has all modules and routes and no instance of anything, so no setting is ever read.
const app = await NestFactory.create(AppModule.forRoot(new Settings()), { preview: true, logger: ['error'] });
setApiPrefix(app);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(buildOpenApi(app), null, 2)}\n`);
