// Something that is fetched again whenever what it depends on changes; of two answers the later asked wins.

import { Refusal } from "../connection/connection";

export class Fetched<T> {
  value: T | undefined = $state.raw();
  error = $state("");
  loading = $state(false);
  #asked = 0;
  #last: Promise<void> = Promise.resolve();

  /** Fetch. What was there stays on show meanwhile; it goes where the answer is a refusal. */
  fetch(get: () => Promise<T>): Promise<void> {
    return (this.#last = this.#fetch(get));
  }

  /** When what was asked for last is there, or was refused. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #fetch(get: () => Promise<T>): Promise<void> {
    const number = ++this.#asked;
    this.loading = true;
    try {
      const value = await get();
      if (number !== this.#asked) return;
      this.value = value;
      this.error = "";
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (number !== this.#asked) return;
      this.value = undefined;
      this.error = error.message;
    } finally {
      if (number === this.#asked) this.loading = false;
    }
  }

  forget(): void {
    this.#asked++;
    this.value = undefined;
    this.error = "";
    this.loading = false;
  }
}
