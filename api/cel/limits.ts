/** Limits on CEL that the API server keeps: `k8s.io/apiserver/pkg/apis/cel/config.go` and the CRD validation's. */

/** Most cost of one evaluation. */
export const PER_CALL_LIMIT = 1_000_000;
/** Most cost of all evaluations for one object, or one policy binding. */
export const RUNTIME_COST_BUDGET = 10_000_000;
/** Match conditions of one webhook or policy share this budget (`RuntimeCELCostBudgetMatchConditions`). */
export const RUNTIME_COST_BUDGET_MATCH_CONDITIONS = 2_500_000;
/** Most estimated cost of one rule of a CRD (`StaticEstimatedCostLimit`). */
export const STATIC_ESTIMATED_COST_LIMIT = 10_000_000;
/** Most estimated cost of all rules of a CRD (`StaticEstimatedCRDCostLimit`). */
export const STATIC_ESTIMATED_CRD_COST_LIMIT = 100_000_000;
/** The request size that sizes without limits in the schema are estimated by. */
export const MAX_REQUEST_SIZE_BYTES = 3 * 1024 * 1024;
/** Longest message that a messageExpression may make. */
export const MAX_MESSAGE_EXPRESSION_BYTES = 5 * 1024;
/** Longest expression, in code points (`cel-go`, parser/options.go). */
export const MAX_EXPRESSION_CODE_POINTS = 100_000;
/** Deepest nesting of an expression (`cel-go`, parser/options.go maxRecursionDepth). */
export const MAX_EXPRESSION_DEPTH = 250;
