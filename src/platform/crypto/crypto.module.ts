import { Global, Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Sealing } from './sealing.js';

@Global()
@Module({
  providers: [
    { provide: Sealing, inject: [Settings], useFactory: ({ secrets }: Settings) => new Sealing(secrets.encryption) },
  ],
  exports: [Sealing],
})
export class CryptoModule {}
