import { describe, expect, it } from '@jest/globals';
import { embeddedText } from './embedded-text.js';

describe('what is embedded of a chunk', () => {
  it('is its text below its document’s title and its headings', () => {
    expect(embeddedText({ content: 'Text.', headingPath: ['Guide', 'Setup'] }, 'Manual')).toBe(
      'Manual\n\nGuide > Setup\n\nText.',
    );
  });

  it('says the title once, and nothing where there is nothing', () => {
    expect(embeddedText({ content: 'Text.', headingPath: ['Manual', 'Setup'] }, 'Manual')).toBe(
      'Manual\n\nSetup\n\nText.',
    );
    expect(embeddedText({ content: 'Text.', headingPath: [] }, ' ')).toBe('Text.');
  });

  it('has the nearest headings of very many words', () => {
    const headingPath = ['outermost', 'a'.repeat(200), 'b'.repeat(200)];
    const text = embeddedText({ content: 'Text.', headingPath }, 'T'.repeat(5_000));
    expect(text.length).toBeLessThan(620);
    expect(text).toContain(`${headingPath[1]} > ${headingPath[2]}`);
    expect(text).not.toContain('outermost');
  });
});
