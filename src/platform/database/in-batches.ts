/** Rows of one transaction: few enough to be done with in time, whatever has piled up. */
const BATCH = 5_000;

/** Repeats `batch`, which handles up to `most` rows and answers with one item for each, until it finds fewer. */
export async function inBatches(batch: (most: number) => Promise<readonly unknown[]>): Promise<void> {
  let handled: number;
  do handled = (await batch(BATCH)).length;
  while (handled === BATCH);
}
