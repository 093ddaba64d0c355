import { describe, expect, it } from '@jest/globals';
import { titleFrom } from './session-title.js';

const graphemes = (text: string) => [...new Intl.Segmenter('en').segment(text)].map(({ segment }) => segment);

describe('A title', () => {
  it.each([
    ['What is the code word?', 'What is the code word?'],
    ['What is the code word? Tell me at once.', 'What is the code word?'],
    ['Plan a trip to Rome.\nThree days, no museums.', 'Plan a trip to Rome'],
    ['\n\n   Plan \t a   trip  \r\nto Rome', 'Plan a trip'],
    ['Dr. Smith is ill. Why?', 'Dr. Smith is ill'],
    ['Hi! Can you help me?', 'Hi! Can you help me?'],
    ['Hi', 'Hi'],
    ['明日の天気は？教えてください。', '明日の天気は？'],
    ['वह कहाँ गया है। मुझे बताओ।', 'वह कहाँ गया है'],
    ['👍', '👍'],
    ['???', '???'],
  ])('of %j is the first sentence or line', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  it.each([
    ['# Weekly **report** on [billing](https://example.com/a?b=c "hint")', 'Weekly report on billing'],
    ['> - [ ] Buy _milk_ and `bread`', 'Buy milk and bread'],
    ['1. First of all', 'First of all'],
    ['![A chart](x.png) shows *growth*', 'A chart shows growth'],
    ['<b>Bold</b> move', 'Bold move'],
    ['Is 2 * 3 * 4 the same as snake_case_name?', 'Is 2 * 3 * 4 the same as snake_case_name?'],
    ['if a < b and c > d', 'if a < b and c > d'],
    ['Costs \\*really\\* matter', 'Costs *really* matter'],
    ['```js\nthrow 1;\n```\nWhy does this fail?', 'Why does this fail?'],
    ['```\nSELECT 1\n```', 'SELECT 1'],
    ['---\n***\nAfter the rule', 'After the rule'],
    ['Line\u0000s \u202eturned\u202c around', 'Line s turned around'],
  ])('of %j has no marks', (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  it.each(['', '  \n\t ', '```\n```', '\u200b\u202e'])('is not made of %j', (text) => {
    expect(titleFrom(text)).toBeNull();
  });

  it('is cut between words', () => {
    const title = titleFrom(`Explain ${'in great detail '.repeat(20)}why`) ?? '';
    expect(title).toBe('Explain in great detail in great detail in great detail in…');
    expect(titleFrom(`Explain this, ${'x'.repeat(80)}`)).toBe('Explain this…');
  });

  it.each([
    [
      'Chinese',
      '我们需要讨论如何改进我们的产品以便更好地满足客户的需求同时保持成本在可控范围之内并且提高团队的工作效率和满意度而不牺牲质量',
    ],
    ['Thai', 'ฉันต้องการทราบว่าเราจะปรับปรุงผลิตภัณฑ์ของเราให้ดีขึ้นได้อย่างไรโดยไม่ต้องเพิ่มต้นทุนและยังคงรักษาคุณภาพไว้ได้'],
    [
      'Arabic',
      'أريد أن أعرف كيف يمكننا تحسين منتجاتنا لتلبية احتياجات العملاء بشكل أفضل مع الحفاظ على التكاليف تحت السيطرة',
    ],
    ['families', '👨‍👩‍👧‍👦'.repeat(80)],
    ['flags', '🇩🇪'.repeat(80)],
    ['combining marks', 'e\u0301'.repeat(200)],
  ])('in %s is cut between characters as readers count them', (_script, text) => {
    const title = titleFrom(text) ?? '';
    const kept = graphemes(title.replace(/…$/, ''));
    expect(title.endsWith('…')).toBe(true);
    expect(kept).toEqual(graphemes(text).slice(0, kept.length));
    expect([kept.length > 15, kept.length <= 60, title.length <= 500]).toEqual([true, true, true]);
  });

  it('is short, whatever the text', () => {
    const long = [
      'a'.repeat(1_000_000),
      '*'.repeat(1_000_000),
      '[('.repeat(500_000),
      '_a'.repeat(500_000),
      `e${'\u0301'.repeat(1_000_000)}`,
      '> '.repeat(500_000),
      '\ud83d'.repeat(1_000),
    ];
    for (const text of long) expect((titleFrom(text) ?? '').length).toBeLessThanOrEqual(500);
    expect(titleFrom(`😀${'a'.repeat(1_999)}😀`)?.isWellFormed()).toBe(true);
  });
});
