/** In millionths of a dollar, rounded up once for each call. @param millionMicros of a million tokens */
export function tokensPrice(tokens: number, millionMicros: number): number {
  return Number((BigInt(tokens) * BigInt(millionMicros) + 999_999n) / 1_000_000n);
}
