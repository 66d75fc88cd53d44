/** What a delivery's record says, wherever it is shown: in the API, at the command line, in the partners' guide. */
export const meaningOf2xx =
  "A 2xx proves that whoever holds the certificate's key, at this address and time, answered the request with it, " +
  'after all of it had been sent; without TLS, whoever answers there. It does not prove that the request was read, or ' +
  'that anything was done with it.';
