/** Which taints a pod puts up with, under the name that plugins know it by. */
export { tolerates, toleratesAll, toleratesAny } from '../api/core/v1/tolerations.ts';
