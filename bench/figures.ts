/** The value below which this part (0–1) of the values lies, by nearest rank; NaN of none. */
export function percentile(values: number[], part: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}
