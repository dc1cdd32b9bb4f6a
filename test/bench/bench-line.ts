/** One measured figure of a benchmark. */
export interface BenchLine {
  scenario: string;
  /** What was measured, for a table's row. */
  what: string;
  value: number;
  unit: string;
  /** The figure to reach, as it is to be read: `>= 20000`. */
  target?: string;
  /** The same measured on another system in the same run. */
  reference?: { name: string; value: number };
  /** Whether the target was met; absent where there is none or the run is void. */
  ok?: boolean;
}
