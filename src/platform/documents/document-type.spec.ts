import { describe, expect, it } from '@jest/globals';
import { docx, manyPages, paragraph, xlsx, zip } from '../../../test/document-files.js';
import { SHEETS, SLIDES, WORD } from '../../../test/document-outcome.js';
import { gif, jpeg, png, webp } from '../../../test/sample-files.js';
import { documentType } from './document-type.js';

function typeOf(bytes: Buffer | string, name: string, declared?: string) {
  const head = Buffer.from(bytes).subarray(0, 4096);
  const isText = !head.includes(0) && Buffer.from(head.toString()).equals(head);
  return documentType({ head, isText, name, declared });
}

const OLE = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]);
const NOISE = Buffer.from(Array.from({ length: 500 }, (_, at) => (at * at * 31 + 7) & 0xff));

describe('documentType', () => {
  it.each<[Buffer | string, string, string | null]>([
    ['plain', 'a.txt', 'text/plain'],
    ['plain', '', 'text/plain'],
    ['# x', 'README.MD', 'text/markdown'],
    ['a,b', 'x.csv', 'text/csv'],
    ['a\tb', 'x.tsv', 'text/tab-separated-values'],
    ['{}', 'x.json', 'application/json'],
    ['{}', 'x.jsonl', 'application/x-ndjson'],
    ['<p>x', 'x.htm', 'text/html'],
    ['\n<!doctype HTML>', 'x', 'text/html'],
    ['Subject: x\n', 'x.eml', 'message/rfc822'],
    ['From: a@b.c\nSubject: x\nTo: d@e.f\nMIME-Version: 1.0\nDate: now\n\nx', 'x', 'message/rfc822'],
    ['Subject: a note\nto myself', 'x', 'text/plain'],
    ['just text', 'a.pdf', 'text/plain'],
    ['just text', 'a.docx', 'text/plain'],
    [manyPages(1), 'a.txt', 'application/pdf'],
    [docx(paragraph('x')), 'a.docx', WORD],
    [docx(paragraph('x')), 'a', WORD],
    [docx(paragraph('x')), 'a.txt', WORD],
    [xlsx([]), 'a', SHEETS],
    [docx(paragraph('x')), 'a.pptx', SLIDES],
    [OLE, 'locked.xlsx', SHEETS],
    [OLE, 'old.xls', null],
    [OLE, 'old.doc', null],
    [zip([{ name: 'a.txt', data: 'x' }]), 'a.zip', null],
    [png(), 'a.txt', null],
    [jpeg(), 'a.md', null],
    [gif(), 'a.csv', null],
    [webp(), 'a', null],
    ['{\\rtf1 x}', 'a.rtf', null],
    ['<?xml version="1.0"?>\n<svg xmlns="x"/>', 'a.svg', null],
    ['<svg onload="x()">', 'a.html', null],
    [NOISE, 'a.txt', null],
    [NOISE, 'a.docx', null],
    [Buffer.alloc(100), 'a.txt', null],
    [Buffer.from('caf\xe9', 'latin1'), 'a.csv', 'text/csv'],
    [Buffer.from('\ufeffcafé', 'utf16le'), 'a.csv', 'text/csv'],
    [Buffer.from('name;value\n', 'utf16le').swap16(), 'a.txt', 'text/plain'],
    [Buffer.from('{\\rtf1 x}', 'utf16le'), 'a.txt', null],
  ])('%#: a file named %s%s', (bytes, name, type) => {
    expect(typeOf(bytes, name)).toBe(type);
  });

  it('listens to what the web says where the name says nothing', () => {
    expect(typeOf('<p>x', '', 'text/html; charset=utf-8')).toBe('text/html');
    expect(typeOf('# x', 'page.php', 'text/markdown')).toBe('text/markdown');
    expect(typeOf(docx(paragraph('x')), 'download', SHEETS)).toBe(SHEETS);
    expect(typeOf(png(), '', 'text/html')).toBeNull();
  });
});
