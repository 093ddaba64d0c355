import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { DiskStorage } from '../src/platform/storage/disk-storage.js';
import { BytesMissing, readWhole, type FileStorage, type StorageKey } from '../src/platform/storage/file-storage.js';
import { S3Storage } from '../src/platform/storage/s3-storage.js';
import { FakeS3 } from './fake-s3.js';

const MEBIBYTE = 1024 * 1024;
const SECRETS = { JWT_SECRET: 'x'.repeat(32), ENCRYPTION_KEY: 'x'.repeat(32) };

interface Kind {
  storage: FileStorage;
  /** Leaves behind what an upload would whose process died. */
  leaveDraft(key: StorageKey): Promise<void>;
  drafts(): number;
  /** Something that is not ours. */
  leaveOther(): void;
}

let folder: string;
let s3: FakeS3;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atrium-storage-'));
  s3 = await new FakeS3().start();
});

afterAll(async () => {
  await s3.stop();
  rmSync(folder, { recursive: true });
});

function onDisk(): Kind {
  const root = join(folder, v7());
  const storage = new DiskStorage(root);
  return {
    storage,
    leaveDraft: async (key) => {
      await storage.put(key, chunks('x'));
      await storage.delete(key);
      const path = join(root, 'drafts', v7());
      writeFileSync(path, 'x');
      utimesSync(path, new Date(), new Date(Date.now() - 1_000));
    },
    drafts: () => readdirSync(join(root, 'drafts')).length,
    leaveOther: () => writeFileSync(join(root, 'README'), 'x'),
  };
}

function onS3(idleLimitMs?: number): Kind {
  s3.objects.clear();
  s3.uploads.clear();
  s3.asked.length = 0;
  s3.fails = () => false;
  s3.stalls = false;
  const settings = loadSettings({ ...SECRETS, ...s3.environment });
  const storage = new S3Storage('files', settings.s3!, idleLimitMs);
  return {
    storage,
    leaveDraft: async ({ tenantId, id }) => {
      s3.uploads.set('left', { name: `files/${tenantId}/${id}`, at: new Date(Date.now() - 1_000), parts: new Map() });
    },
    drafts: () => s3.uploads.size,
    leaveOther: () => {
      s3.objects.set('files/README', { bytes: Buffer.from('x'), at: new Date() });
      s3.objects.set('archives/other', { bytes: Buffer.from('x'), at: new Date() });
    },
  };
}

async function* chunks(...parts: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

async function* broken(...parts: Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
  throw new Error('The sender is gone');
}

async function keysOf(storage: FileStorage): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of storage.all()) ids.push(key.id);
  return ids.sort();
}

const KINDS: [string, () => Kind][] = [
  ['on the disk', onDisk],
  ['in S3', () => onS3()],
];

describe.each(KINDS)('Bytes %s', (_where, make) => {
  let kind: Kind;
  let storage: FileStorage;
  let key: StorageKey;

  beforeEach(() => {
    kind = make();
    ({ storage } = kind);
    key = { tenantId: v7(), id: v7() };
  });

  it.each([0, 1, 8 * MEBIBYTE, 8 * MEBIBYTE + 1, 17 * MEBIBYTE])(
    'of %d bytes are read as they were put',
    async (size) => {
      const bytes = randomBytes(size);
      const parts = Array.from({ length: Math.ceil(size / 700_001) }, (_none, n) =>
        bytes.subarray(n * 700_001, (n + 1) * 700_001),
      );
      await storage.put(key, chunks(...parts));
      expect((await readWhole(storage, key)).equals(bytes)).toBe(true);
      expect(kind.drafts()).toBe(0);
    },
  );

  it('take the place of those before', async () => {
    await storage.put(key, chunks('first'));
    await storage.put(key, chunks('sec', 'ond'));
    expect((await readWhole(storage, key)).toString()).toBe('second');
  });

  it('are read in part', async () => {
    await storage.put(key, chunks('0123456789'));
    expect((await readWhole(storage, key, { start: 0, end: 0 })).toString()).toBe('0');
    expect((await readWhole(storage, key, { start: 3, end: 9 })).toString()).toBe('3456789');
  });

  it('that are not there are missing, and deleted without a word', async () => {
    await expect(storage.read(key)).rejects.toThrow(BytesMissing);
    await storage.put(key, chunks('x'));
    await storage.delete(key);
    await storage.delete(key);
    await expect(storage.read(key)).rejects.toThrow(BytesMissing);
  });

  it.each([100, 20 * MEBIBYTE])('that end too early, after %d, leave what was there', async (size) => {
    await storage.put(key, chunks('old'));
    await expect(storage.put(key, broken(Buffer.alloc(size)))).rejects.toThrow('The sender is gone');
    expect((await readWhole(storage, key)).toString()).toBe('old');
    expect(kind.drafts()).toBe(0);
  });

  it('are listed, and what is not ours is not', async () => {
    const keys = Array.from({ length: 8 }, () => ({ tenantId: v7(), id: v7() }));
    for (const each of keys) await storage.put(each, chunks('x'));
    kind.leaveOther();
    expect(await keysOf(storage)).toEqual(keys.map(({ id }) => id).sort());
    for await (const { storedAt } of storage.all())
      expect(Math.abs(Date.now() - storedAt.getTime())).toBeLessThan(60_000);
  });

  it('of a tenant are deleted together, and no others', async () => {
    const other = { tenantId: v7(), id: v7() };
    await storage.put(other, chunks('other'));
    for (let n = 0; n < 10; n++) await storage.put({ tenantId: key.tenantId, id: v7() }, chunks('x'));
    await storage.deleteAll(key.tenantId);
    await storage.deleteAll(key.tenantId);
    expect(await keysOf(storage)).toEqual([other.id]);
  });

  it('that were never finished are deleted when they are old', async () => {
    await kind.leaveDraft(key);
    await storage.deleteDrafts(new Date(Date.now() - 60_000));
    expect(kind.drafts()).toBe(1);
    await storage.deleteDrafts(new Date());
    expect(kind.drafts()).toBe(0);
  });

  it('are named by ids alone', async () => {
    for (const id of ['../x', '', 'a/b', 'x']) {
      for (const bad of [
        { ...key, id },
        { ...key, tenantId: id },
      ]) {
        await expect(storage.put(bad, chunks('x'))).rejects.toThrow('two ids');
        await expect(storage.read(bad)).rejects.toThrow('two ids');
        await expect(storage.delete(bad)).rejects.toThrow('two ids');
      }
      await expect(storage.deleteAll(id)).rejects.toThrow('two ids');
    }
  });
});

describe('In S3', () => {
  it('small files take one request, and large ones a few in parts of 8 MiB', async () => {
    const { storage } = onS3();
    const key = { tenantId: v7(), id: v7() };
    const name = `files/${key.tenantId}/${key.id}`;
    await storage.put(key, chunks('small'));
    expect(s3.asked).toEqual([`PUT ${name}`]);
    s3.asked.length = 0;
    await storage.put(key, chunks(Buffer.alloc(20 * MEBIBYTE)));
    const part = `PUT ${name}?partNumber&uploadId`;
    expect(s3.asked).toEqual([`POST ${name}?uploads`, part, part, part, `POST ${name}?uploadId`]);
  });

  it('an upload that S3 refuses in the middle is given up', async () => {
    const { storage } = onS3();
    let parts = 0;
    s3.fails = (what) => what.includes('partNumber') && ++parts === 2;
    await expect(storage.put({ tenantId: v7(), id: v7() }, chunks(Buffer.alloc(20 * MEBIBYTE)))).rejects.toThrow();
    expect([s3.uploads.size, s3.objects.size]).toEqual([0, 0]);
  });

  it('an object that stops coming in the middle is not waited for', async () => {
    const { storage } = onS3(200);
    const key = { tenantId: v7(), id: v7() };
    await storage.put(key, chunks('never ends'));
    s3.stalls = true;
    await expect(readWhole(storage, key)).rejects.toThrow(/timed out/);
  });
});

describe('The settings of S3', () => {
  it.each<[Record<string, string>, string]>([
    [{ S3_ENDPOINT: 'http://localhost:9000' }, 'S3_BUCKET'],
    [{ S3_ACCESS_KEY_ID: 'x', S3_SECRET_ACCESS_KEY: 'x' }, 'S3_BUCKET'],
    [{ S3_BUCKET: 'atrium', S3_ACCESS_KEY_ID: 'x' }, 'S3_SECRET_ACCESS_KEY'],
    [{ S3_BUCKET: 'atrium', S3_SECRET_ACCESS_KEY: 'x' }, 'S3_ACCESS_KEY_ID'],
    [{ S3_BUCKET: 'Not a bucket' }, 'S3_BUCKET'],
    [{ S3_BUCKET: 'atrium', S3_ENDPOINT: 'ftp://x' }, 'S3_ENDPOINT'],
  ])('%j are refused at the start', (given, named) => {
    expect(() => loadSettings({ ...SECRETS, ...given })).toThrow(named);
  });

  it('may leave the keys to the machine', () => {
    expect(loadSettings({ ...SECRETS, S3_BUCKET: 'atrium', S3_REGION: 'eu-central-1' }).s3).toEqual({
      ...{ bucket: 'atrium', endpoint: null, region: 'eu-central-1', credentials: null },
    });
  });
});
