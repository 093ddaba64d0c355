import { crc32, deflateRawSync } from 'node:zlib';

/** What a zip is told to hold; `says` is the size its headers give where that is not the truth. */
export interface ZipPart {
  name: string;
  data: Buffer | string;
  says?: number;
}

export function zip(parts: ZipPart[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, says } of parts) {
    const plain = Buffer.from(data);
    const packed = deflateRawSync(plain);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(says ?? plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const file = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, Buffer.from(name)]));
    files.push(file);
    offset += file.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, ...directory, end]);
}

const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const OFFICE = 'application/vnd.openxmlformats-officedocument';

function relations(targets: [id: string, type: string, target: string][]): string {
  const all = targets.map(([id, type, to]) => `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${to}"/>`);
  return `<?xml version="1.0"?><Relationships>${all.join('')}</Relationships>`;
}

function office(main: string, type: string, parts: ZipPart[]): Buffer {
  return zip([
    {
      name: '[Content_Types].xml',
      data: `<Types><Override PartName="/${main}" ContentType="${OFFICE}.${type}.main+xml"/></Types>`,
    },
    { name: '_rels/.rels', data: relations([['rId1', 'officeDocument', main]]) },
    ...parts,
  ]);
}

/** A Word document of this body; `more` are parts that it refers to by `word/_rels`. */
export function docx(
  body: string | Buffer,
  more: { type: string; name: string; data: string }[] = [],
  says?: number,
): Buffer {
  const data = Buffer.isBuffer(body) ? body : `<?xml version="1.0"?><w:document><w:body>${body}</w:body></w:document>`;
  return office('word/document.xml', 'wordprocessingml.document', [
    { name: 'word/document.xml', data, says },
    {
      name: 'word/_rels/document.xml.rels',
      data: relations(more.map(({ type, name }, index) => [`rId${index}`, type, name])),
    },
    ...more.map(({ name, data: part }) => ({ name: `word/${name}`, data: part })),
  ]);
}

export function paragraph(text: string, properties = ''): string {
  return `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}

export function docxTable(rows: string[][]): string {
  const cells = (row: string[]): string => row.map((cell) => `<w:tc>${cell}</w:tc>`).join('');
  return `<w:tbl>${rows.map((row) => `<w:tr>${cells(row)}</w:tr>`).join('')}</w:tbl>`;
}

/** A workbook of these sheets, each the XML of its rows. */
export function xlsx(
  sheets: { name: string; rows: string; state?: string }[],
  { strings = '', styles = '' }: { strings?: string; styles?: string } = {},
): Buffer {
  const entries = sheets.map(
    ({ name, state }, index) => `<sheet name="${name}" r:id="s${index}"${state ? ` state="${state}"` : ''}/>`,
  );
  return office('xl/workbook.xml', 'spreadsheetml.sheet', [
    { name: 'xl/workbook.xml', data: `<workbook><sheets>${entries.join('')}</sheets></workbook>` },
    {
      name: 'xl/_rels/workbook.xml.rels',
      data: relations([
        ...sheets.map((_, index): [string, string, string] => [`s${index}`, 'worksheet', `worksheets/s${index}.xml`]),
        ['strings', 'sharedStrings', 'sharedStrings.xml'],
        ['styles', 'styles', 'styles.xml'],
      ]),
    },
    { name: 'xl/sharedStrings.xml', data: strings },
    { name: 'xl/styles.xml', data: `<styleSheet>${styles}</styleSheet>` },
    ...sheets.map(({ rows }, index) => ({
      name: `xl/worksheets/s${index}.xml`,
      data: `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
    })),
  ]);
}

/** A PDF of so many pages, in a tree of hundreds as programs make it. */
export function manyPages(
  count: number,
  contentOf = (page: number) => `BT /F1 12 Tf 72 720 Td (Text of page ${page}) Tj ET`,
): Buffer {
  const objects = new Map<number, string>([
    [1, '<< /Type /Catalog /Pages 2 0 R >>'],
    [3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'],
  ]);
  const groups = Math.ceil(count / 100);
  const groupAt = (group: number): number => 4 + group;
  const pageAt = (page: number): number => 4 + groups + 2 * page;
  const kids = (ids: number[]): string => `[${ids.map((id) => `${id} 0 R`).join(' ')}]`;
  const all = Array.from({ length: groups }, (_, group) => groupAt(group));
  objects.set(2, `<< /Type /Pages /Count ${count} /Kids ${kids(all)} >>`);
  for (let group = 0; group < groups; group++) {
    const pages = Array.from({ length: Math.min(100, count - group * 100) }, (_, at) => group * 100 + at);
    objects.set(
      groupAt(group),
      `<< /Type /Pages /Parent 2 0 R /Count ${pages.length} /Kids ${kids(pages.map(pageAt))} >>`,
    );
    for (const page of pages) {
      const content = contentOf(page + 1);
      objects.set(
        pageAt(page),
        `<< /Type /Page /Parent ${groupAt(group)} 0 R /MediaBox [0 0 612 792] /Contents ${pageAt(page) + 1} 0 R ` +
          '/Resources << /Font << /F1 3 0 R >> >> >>',
      );
      objects.set(pageAt(page) + 1, `<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    }
  }
  const parts = ['%PDF-1.4\n'];
  const offsets: string[] = [];
  let length = parts[0]!.length;
  for (const id of [...objects.keys()].sort((one, other) => one - other)) {
    const part = `${id} 0 obj\n${objects.get(id) ?? ''}\nendobj\n`;
    offsets.push(`${String(length).padStart(10, '0')} 00000 n \n`);
    parts.push(part);
    length += part.length;
  }
  const size = objects.size + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`;
  parts.push(`${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`);
  return Buffer.from(parts.join(''));
}

/** Words at places of one page: left, from below, size, text. */
export function pdfPage(words: [number, number, number, string][]): Buffer {
  const shown = words.map(
    ([x, y, size, text]) => `BT /F1 ${size} Tf ${x} ${y} Td (${text.replace(/[\\()]/g, '\\$&')}) Tj ET`,
  );
  return manyPages(1, () => shown.join('\n'));
}
