export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];
export type TextType = 'text/plain' | 'text/markdown' | 'text/csv' | 'text/tab-separated-values';
export type SniffedType = ImageType | 'application/pdf' | TextType;

/** Kinds of text that their names tell apart. What a browser would run, such as HTML and SVG, is plain text. */
const TEXT_TYPES: Record<string, TextType> = {
  md: 'text/markdown',
  markdown: 'text/markdown',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
};

/**
 * What a file is by its first bytes, whatever it is said to be; its name only tells apart kinds of text. Null for what
 * is taken nowhere.
 */
export function sniffedType(file: { head: Buffer; isText: boolean; name: string }): SniffedType | null {
  const { head } = file;
  if (head.subarray(0, 8).equals(PNG)) return 'image/png';
  if (startsWith(head, '\xff\xd8\xff')) return 'image/jpeg';
  if (startsWith(head, 'GIF87a') || startsWith(head, 'GIF89a')) return 'image/gif';
  if (startsWith(head, 'RIFF') && head.toString('latin1', 8, 12) === 'WEBP') return 'image/webp';
  if (startsWith(head, '%PDF-')) return 'application/pdf';
  if (!file.isText) return null;
  return TEXT_TYPES[/\.([a-z]+)$/i.exec(file.name)?.[1]?.toLowerCase() ?? ''] ?? 'text/plain';
}

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

function startsWith(head: Buffer, text: string): boolean {
  return head.toString('latin1', 0, text.length) === text;
}

export function isImage(type: SniffedType): type is ImageType {
  return type.startsWith('image/');
}

export function isText(type: SniffedType): type is TextType {
  return type.startsWith('text/');
}
