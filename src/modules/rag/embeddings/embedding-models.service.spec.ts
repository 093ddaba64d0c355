import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Environment } from '../../../platform/config/environment.js';
import type { Settings } from '../../../platform/config/settings.js';
import { EmbeddingModels } from './embedding-models.service.js';
import { embeddingFaults } from './embedding-settings.js';

describe('embedding models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'embedding-models-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function fileOf(content: unknown): string {
    const file = join(folder, 'models.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  }

  function modelsOf(models: object[] = [], defaultModel = 'offline'): EmbeddingModels {
    const unset = { apiKey: null, baseUrl: null };
    const embeddings = { defaultModel, file: fileOf({ models }), voyage: unset, openai: unset };
    return new EmbeddingModels({ embeddings } as unknown as Settings);
  }

  function faults(part: Partial<Environment>): string[] {
    return embeddingFaults(Object.assign(new Environment(), part));
  }

  const own = { name: 'nomic-embed-text:v1.5', provider: 'openai', dimensions: 768, maxInputTokens: 2_048 };

  it('are found by their name, with or without their provider', () => {
    const models = modelsOf();
    expect(models.find('voyage-3.5')).toBe(models.find('voyage:voyage-3.5'));
    expect(models.find('voyage-3.5')).toMatchObject({ id: 'voyage:voyage-3.5', dimensions: 1024 });
    expect(models.find('offline')).toMatchObject({ id: 'offline', provider: 'offline', inputMicros: 0 });
    expect(models.default.id).toBe('offline');
    for (const name of ['', 'nonsense', 'openai:voyage-3.5', 'voyage:', ' offline', '__proto__'])
      expect(models.find(name)).toBeUndefined();
  });

  it('are added and changed by a file; a name that two providers have needs one', () => {
    const models = modelsOf([
      own,
      { ...own, name: 'voyage-4' },
      { ...own, name: 'text-embedding-3-small', dimensions: 9 },
    ]);
    expect(models.find('nomic-embed-text:v1.5')).toMatchObject({
      id: 'openai:nomic-embed-text:v1.5',
      encoding: 'float',
    });
    expect(models.find('voyage-4')).toBeUndefined();
    expect(models.find('openai:voyage-4')?.dimensions).toBe(768);
    expect(models.find('text-embedding-3-small')?.dimensions).toBe(9);
  });

  it('that are not known are refused with those that are', () => {
    expect(() => modelsOf().require('gpt', 'embeddingModel')).toThrow(
      /^embeddingModel must be one of .*offline, voyage:/,
    );
  });

  it('are checked before anything is opened', () => {
    expect(faults({})).toEqual([]);
    expect(faults({ EMBEDDING_MODEL: 'gpt' })).toEqual([expect.stringMatching(/^EMBEDDING_MODEL gpt is not one of /)]);
    expect(
      faults({ EMBEDDING_MODEL: 'mine', EMBEDDING_MODELS_FILE: fileOf({ models: [{ ...own, name: 'mine' }] }) }),
    ).toEqual([]);
  });

  it.each([
    ['{', /cannot be read/],
    [[], /is not a list of embedding models/],
    [{ models: [{ ...own, dimensions: 4_001 }] }, /dimensions must be <= 4000/],
    [{ models: [{ ...own, dimensions: 0 }] }, /dimensions must be >= 1/],
    [{ models: [{ ...own, provider: 'other' }] }, /provider must be equal to one of/],
    [{ models: [{ ...own, name: 'a b' }] }, /name must match/],
    [{ models: [{ ...own, more: 1 }] }, /must NOT have additional properties/],
    [{ models: [{ ...own, provider: 'offline' }] }, /must not name the provider offline/],
  ])('of a file that is wrong (%#) are told in one line', (content, fault) => {
    const [told, ...more] = faults({ EMBEDDING_MODELS_FILE: fileOf(content) });
    expect(more).toEqual([]);
    expect(told).toMatch(/^EMBEDDING_MODELS_FILE [^\n]*$/);
    expect(told).toMatch(fault);
  });
});
