/** Makes environments. */
import type { Environment, EnvironmentOptions } from './cel.ts';

export declare function createEnvironment(options?: EnvironmentOptions): Environment;
