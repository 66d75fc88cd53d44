import type { ContractName } from '../../../schemas/contract.ts';
import type { Contract } from './contract.ts';
import { renderLockerOpen } from './locker-open.ts';
import { renderReservationStatus } from './reservation-status.ts';
import { renderStandard } from './standard.ts';

export const contracts: Record<ContractName, Contract> = {
  standard: renderStandard,
  'locker-open': renderLockerOpen,
  'reservation-status': renderReservationStatus,
};
