import { posix } from 'node:path';
import { DocumentFault } from './document-fault.js';
import { attribute, readXml, type XmlReader } from './xml.js';
import type { WorkBudget } from './work-budget.js';
import { ZipPackage } from './zip-package.js';

export type OfficeKind = 'document' | 'presentation' | 'workbook';

export interface Relation {
  id: string;
  /** The last word of its type, such as `slide`. */
  type: string;
  path: string;
}

/** An Office Open XML file: parts in a zip, which point at one another. */
export class OfficePackage {
  /** By what it holds, whatever it is called. */
  readonly kind: OfficeKind;
  readonly main: string;
  private readonly zip: ZipPackage;

  private constructor(zip: ZipPackage, kind: OfficeKind, main: string) {
    this.zip = zip;
    this.kind = kind;
    this.main = main;
  }

  /** @throws DocumentFault, and Error when it is no whole zip */
  static async open(bytes: Uint8Array, budget: WorkBudget): Promise<OfficePackage> {
    if (bytes[0] === 0xd0 && bytes[1] === 0xcf)
      throw new DocumentFault(isEncrypted(bytes) ? 'password_required' : 'unsupported');
    if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) throw new DocumentFault('damaged');
    const zip = await ZipPackage.open(bytes, budget);
    const main = (await relationsIn(zip, '')).find(({ type }) => type === 'officeDocument')?.path;
    if (main === undefined) throw new DocumentFault('unsupported');
    const kind = await kindOf(zip, main);
    if (!kind) throw new DocumentFault('unsupported');
    if (!zip.has(main)) throw new DocumentFault('damaged');
    return new OfficePackage(zip, kind, main);
  }

  /** Nothing is read where there is no such part. */
  async read(path: string, reader: XmlReader): Promise<void> {
    await readXml(this.zip.chunks(path), reader);
  }

  async relations(path: string): Promise<Relation[]> {
    return relationsIn(this.zip, path);
  }

  async related(path: string, type: string): Promise<string[]> {
    return (await this.relations(path)).filter((relation) => relation.type === type).map((relation) => relation.path);
  }

  async title(): Promise<string | null> {
    let title: string | null = null;
    let isTitle = false;
    await this.read('docProps/core.xml', {
      open: (name) => (isTitle = name === 'title'),
      text: (text) => {
        if (isTitle) title = (title ?? '') + text;
      },
      close: () => (isTitle = false),
    });
    return title;
  }
}

/** An encrypted one is kept in a container of the old format, whose directory names its streams in UTF-16. */
function isEncrypted(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('EncryptedPackage', 0, 'utf16le');
}

async function relationsIn(zip: ZipPackage, path: string): Promise<Relation[]> {
  const relations: Relation[] = [];
  const folder = posix.dirname(path);
  const file = posix.join(folder, '_rels', `${posix.basename(path)}.rels`);
  await readXml(zip.chunks(file), {
    open: (name, attributes) => {
      const { Id: id, Type: type, Target: target, TargetMode: mode } = attributes;
      if (name !== 'Relationship' || !id || !type || !target || mode === 'External') return;
      const inside = target.startsWith('/') ? target.slice(1) : posix.join(folder, target);
      relations.push({ id, type: type.slice(type.lastIndexOf('/') + 1), path: inside });
    },
  });
  return relations;
}

async function kindOf(zip: ZipPackage, main: string): Promise<OfficeKind | null> {
  let type = '';
  await readXml(zip.chunks('[Content_Types].xml'), {
    open: (name, attributes) => {
      if (name === 'Override' && attribute(attributes, 'PartName')?.toLowerCase() === `/${main.toLowerCase()}`)
        type = attribute(attributes, 'ContentType') ?? '';
    },
  });
  if (type.includes('binary')) return null;
  if (type.includes('wordprocessing') || type.includes('ms-word') || (type === '' && main.startsWith('word/')))
    return 'document';
  if (type.includes('presentation') || type.includes('ms-powerpoint') || (type === '' && main.startsWith('ppt/')))
    return 'presentation';
  return type.includes('sheet') || type.includes('ms-excel') || (type === '' && main.startsWith('xl/'))
    ? 'workbook'
    : null;
}
