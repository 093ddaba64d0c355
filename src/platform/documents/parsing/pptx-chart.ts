import type { OfficePackage } from './office-package.js';

interface Series {
  name: string;
  categories: string[];
  values: string[];
}

/** What a chart shows, as a table of its series. */
export async function readChart(office: OfficePackage, path: string): Promise<{ title: string; rows: string[][] }> {
  const series: Series[] = [];
  const within: string[] = [];
  let title = '';
  let index = 0;
  await office.read(path, {
    open: (name, attributes) => {
      within.push(name);
      if (name === 'ser') series.push({ name: '', categories: [], values: [] });
      if (name === 'pt') index = Math.min(Math.max(Number(attributes['idx']) || 0, 0), 10_000);
    },
    text: (text) => {
      const at = within.at(-1);
      const last = series.at(-1);
      if (at === 't' && within.includes('title') && !within.includes('plotArea')) title += text;
      if (at !== 'v' || !last) return;
      if (within.includes('cat') || within.includes('xVal'))
        last.categories[index] = (last.categories[index] ?? '') + text;
      else if (within.includes('val') || within.includes('yVal'))
        last.values[index] = (last.values[index] ?? '') + text;
      else if (within.includes('tx')) last.name += text;
    },
    close: () => within.pop(),
  });
  const categories = series.find((one) => one.categories.length > 0)?.categories ?? [];
  const count = Math.max(0, categories.length, ...series.slice(0, 100).map((one) => one.values.length));
  const shown = series.slice(0, 100);
  const rows = Array.from({ length: count }, (_, at) => [
    categories[at] ?? '',
    ...shown.map((one) => one.values[at] ?? ''),
  ]);
  return { title: title.trim(), rows: rows.length > 0 ? [['', ...shown.map((one) => one.name)], ...rows] : [] };
}
