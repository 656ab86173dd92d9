import type { ClassName } from './classes.ts'

/**
 * Class numbers live under a traffic-control major of their own (`4857:n`, "HW"), so that no packet's priority is
 * one of them by chance (it comes from SO_PRIORITY, DSCP or other rules).
 */
const MAJOR = 0x4857 << 16
export const LAST_CLASS_NUMBER = MAJOR | 0xffff

/** Numbers of the classes that the kernel's table has. */
export class ClassNumbers {
  readonly #numbers = new Map<ClassName, number>()
  #last = MAJOR

  get(name: ClassName): number | undefined {
    return this.#numbers.get(name)
  }

  has(name: ClassName): boolean {
    return this.#numbers.has(name)
  }

  names(): IterableIterator<ClassName> {
    return this.#numbers.keys()
  }

  get size(): number {
    return this.#numbers.size
  }

  /** The highest number ever given; numbers are not given twice in the life of a table. */
  get last(): number {
    return this.#last
  }

  set(name: ClassName, number: number): void {
    this.#numbers.set(name, number)
    this.#last = Math.max(this.#last, number)
  }

  delete(name: ClassName): void {
    this.#numbers.delete(name)
  }
}
