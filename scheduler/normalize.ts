/** Scores of any size brought into the common range (`plugins/helper/normalize_score.go`). */
import { MAX_NODE_SCORE } from './framework.ts';

/** In place: the highest becomes 100, others in proportion. `reverse`: the highest becomes 0, and 0 becomes 100. */
export function normalizeByMaximum(scores: number[], reverse: boolean): void {
  let highest = 0;
  for (const score of scores) if (score > highest) highest = score;
  for (let i = 0; i < scores.length; i++) {
    const share = highest === 0 ? 0 : Math.floor((MAX_NODE_SCORE * scores[i]!) / highest);
    scores[i] = reverse ? MAX_NODE_SCORE - share : share;
  }
}
