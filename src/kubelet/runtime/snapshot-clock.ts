/**
 * Orders readings of the runtime against changes to it. A reading that began before a change ended may not know of it,
 * however late it arrives.
 */
export class SnapshotClock {
  #time = 0

  tick(): number {
    this.#time += 1
    return this.#time
  }
}
