import * as z from 'zod';

/** A contract is a wire format. Each has one file under functions/deliver/contracts/. */
export const ContractNameSchema = z.enum(['standard', 'locker-open', 'reservation-status']);
export type ContractName = z.infer<typeof ContractNameSchema>;
