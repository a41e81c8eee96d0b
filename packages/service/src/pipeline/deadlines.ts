// How long judging may take in a service before it counts as a hang. Called by commands; tests shorten it.

/** Times in milliseconds. */
export const deadlines = {
  /**
   * Of a worker for a batch, where a few are usual. Twice that has to fit into the time in which a sender is answered: else
   * what it sends again would hang before its guilty record is known.
   */
  batchMs: 5_000,
  /** Of a trial of suspect records; of most of a search, which may take a dozen, a quarter of it. */
  trialMs: 2_000,
} as const
