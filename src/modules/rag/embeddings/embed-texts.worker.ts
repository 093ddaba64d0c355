import { embedOffline } from './offline-embedding.js';

/** Many texts take a while. */
export default function embedTexts({ texts }: { texts: readonly string[] }): Promise<Float32Array[]> {
  return embedOffline(texts);
}
