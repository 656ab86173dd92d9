/** meta/v1 Time, which has whole seconds. `ms` since the epoch. */
export const apiTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
