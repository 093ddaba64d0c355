import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Settings } from '../../platform/config/settings.js';
import { ModelCatalog } from './model-catalog.service.js';
import { knownModels } from './model-list.js';
import { ModelDto } from './models.dto.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'models-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function catalog({ apiKey = null, file }: { apiKey?: string | null; file?: unknown } = {}): ModelCatalog {
  const path = join(folder, 'models.json');
  if (file !== undefined) writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  const settings = {
    models: { defaultModel: 'offline', file: file === undefined ? null : path, anthropic: { apiKey, baseUrl: null } },
  };
  return new ModelCatalog(settings as Settings);
}

const prices = { inputMicros: 1, outputMicros: 2, cacheReadMicros: 3, cacheWriteMicros: 4 };
const listed = (extra: Record<string, unknown>) => ({
  pricedAt: '2030-01-01',
  models: [{ name: 'mine', provider: 'anthropic', contextWindow: 10, maxOutputTokens: 5, prices, ...extra }],
});

describe('ModelCatalog', () => {
  it('finds a model by its name, with or without its provider', () => {
    const models = catalog();
    expect(models.find('claude-sonnet-5-5')).toBe(models.find('anthropic:claude-sonnet-5-5'));
    expect(models.find('claude-sonnet-5-5')).toMatchObject({ provider: 'anthropic', contextWindow: 1_000_000 });
  });

  it.each(['', 'nonsense', 'offline:claude-sonnet-5-5', 'anthropic:', 'claude-sonnet-5-5 '])(
    'does not know %p',
    (name) => {
      expect(catalog().find(name)).toBeUndefined();
    },
  );

  it('tells which models can be called', () => {
    const available = (models: ModelCatalog) =>
      ['offline', 'claude-haiku-4-5'].map((name) => models.find(name)?.available);
    expect(available(catalog())).toEqual([true, false]);
    expect(available(catalog({ apiKey: 'key' }))).toEqual([true, true]);
  });

  it('offers the offline model at no cost', () => {
    const usage = { inputTokens: 9, outputTokens: 9, cacheReadTokens: 9, cacheWriteTokens: 9, estimated: false };
    expect(catalog().costMicros('offline', usage)).toBe(0);
  });

  it('adds and replaces models by a file', () => {
    const models = catalog({
      file: {
        pricedAt: '2030-01-01',
        models: [...listed({}).models, ...listed({ name: 'offline', provider: 'offline' }).models],
      },
    });
    expect(models.find('mine')).toMatchObject({ maxOutputTokens: 5, thinks: false, acceptsTemperature: true });
    expect(models.find('offline')).toMatchObject({ contextWindow: 10, available: true });
    expect(models.knownNames().filter((name) => name === 'offline')).toHaveLength(1);
    expect(models.knownNames()).toContain('claude-sonnet-5-5');
  });

  it('does not offer a model of a provider it has no client for', () => {
    expect(catalog({ apiKey: 'key', file: listed({ provider: 'someone-else' }) }).find('mine')).toMatchObject({
      available: false,
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['is not JSON', '{', /^MODELS_FILE .*models\.json cannot be read: /],
    ['is no list', [], /is not a list of models: \/ must be object$/],
    [
      'lacks a price',
      listed({ prices: { ...prices, outputMicros: undefined } }),
      /\/models\/0\/prices must have required property 'outputMicros'/,
    ],
    [
      'has a price in dollars',
      listed({ prices: { ...prices, inputMicros: 0.5 } }),
      /\/models\/0\/prices\/inputMicros must be integer/,
    ],
    ['has a field not known', listed({ price: 1 }), /must NOT have additional properties/],
    ['has a name with a colon', listed({ name: 'a:b' }), /\/models\/0\/name must match pattern/],
  ])('refuses a file that %s', (_, file, message) => {
    expect(() => catalog({ file })).toThrow(message);
  });

  it('names a file that is missing', () => {
    const settings = { models: { file: join(folder, 'missing.json'), anthropic: { apiKey: null } } } as Settings;
    expect(() => new ModelCatalog(settings)).toThrow(/^MODELS_FILE .*missing\.json cannot be read: ENOENT/);
  });
});

describe('models.json', () => {
  it.each(knownModels(null).map((model) => [model.name, model] as const))(
    'prices %s plausibly',
    (_, { prices, contextWindow, maxOutputTokens }) => {
      expect(maxOutputTokens).toBeLessThan(contextWindow);
      for (const { inputMicros, outputMicros, cacheReadMicros, cacheWriteMicros } of [
        prices,
        prices.longPrompt ?? prices,
      ]) {
        expect(cacheWriteMicros).toBe(inputMicros * 1.25);
        expect(outputMicros).toBe(inputMicros * 5);
        expect(cacheReadMicros).toBeLessThanOrEqual(inputMicros / 10);
      }
    },
  );
});

describe('ModelDto', () => {
  it('shows what is public of a model', () => {
    expect(ModelDto.of(catalog().find('claude-haiku-4-5')!)).toEqual({
      name: 'claude-haiku-4-5',
      provider: 'anthropic',
      contextWindow: 200_000,
      maxOutputTokens: 64_000,
      prices: {
        inputMicros: 1_000_000,
        outputMicros: 5_000_000,
        cacheReadMicros: 100_000,
        cacheWriteMicros: 1_250_000,
        longPrompt: null,
      },
      available: false,
    });
  });
});
