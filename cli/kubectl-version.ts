/** The kubectl that is fetched where there is none. */
export const FETCHED_VERSION = '1.35';
