/**
 * One of the parts that `npm test` runs, in order.
 *
 * @typedef {object} Tier
 * @property {string} name as on the command line
 * @property {string} title what it shows, for its heading
 * @property {readonly import('../setup/needs.mjs').Need[]} needs what the machine must offer beside Node and npm packages
 * @property {boolean} [root] true when it cannot run as another user
 * @property {boolean} [built] true when it tests what the build makes, which is then brought up to date first
 * @property {readonly string[]} [aside] names of tiers ahead of it that it may run beside: like them it keeps one
 *   processor busy or waits, and none of them has anything in common with it
 * @property {boolean} [uncounted] true when passing it counts as no test passed
 * @property {(context: {vitest: readonly string[]}) => Promise<import('./tally.mjs').Tally>} run
 *   shows its tests and counts them; a Failure that it throws is one failed test, a CannotRun one skipped
 */

/** Thrown by a tier that this machine cannot run at all, through no fault of the code. */
export class CannotRun extends Error {}
