/** A few letters that a PDF puts somewhere; y grows downwards. */
export interface Piece {
  text: string;
  left: number;
  right: number;
  /** Of the line the letters stand on. */
  base: number;
  size: number;
  /** It runs along a line as the page is looked at. */
  isUpright: boolean;
  isRtl: boolean;
  /** Nothing else belongs to its line. */
  ends: boolean;
}

interface TextItem {
  str: string;
  dir: string;
  transform: number[];
  width: number;
  hasEOL: boolean;
}

/** `view` leads from what the page's text says to how the page is looked at, which may be turned. */
export function pieceOf({ str, dir, transform, width, hasEOL }: TextItem, view: number[]): Piece {
  const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = transform;
  const [va = 1, vb = 0, vc = 0, vd = -1, ve = 0, vf = 0] = view;
  const [alongX, alongY] = [va * a + vc * b, vb * a + vd * b];
  const left = va * e + vc * f + ve;
  return {
    text: legible(str),
    left,
    right: left + width,
    base: vb * e + vd * f + vf,
    size: Math.hypot(c, d) || 1,
    isUpright: alongX > 0 && Math.abs(alongY) < alongX * 0.1,
    isRtl: dir === 'rtl',
    ends: hasEOL,
  };
}

/** Letters instead of the shapes they take beside others, such as ﬁ. */
export function legible(text: string): string {
  return text.replace(/[\ufb00-\ufdff\ufe70-\ufefc]+/g, (shapes) => shapes.normalize('NFKC'));
}
