const LONGEST_SENTENCE = 200;
const LONGEST_SUMMARY = 4_000;

/** The first sentence of each paragraph of a transcript, who said it left out, the newest where all is too much. */
export function summaryOf(transcript: string): string {
  const sentences = transcript
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replace(/^(User|Assistant|Summary[^\n]*):\n/, '').trim())
    .map((paragraph) => /^.*?[.!?。！？](?=\s|$)|^.*/su.exec(paragraph)?.[0] ?? '')
    .filter((sentence) => sentence !== '')
    .map((sentence) => sentence.slice(0, LONGEST_SENTENCE).toWellFormed());
  let summary = '';
  for (const sentence of sentences.toReversed()) {
    if (summary.length + sentence.length > LONGEST_SUMMARY) break;
    summary = `- ${sentence}\n${summary}`;
  }
  return summary.trimEnd();
}
