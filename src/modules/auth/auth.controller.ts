import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiUnauthorizedResponse } from '@nestjs/swagger';
import { Access, Public } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { ChangePasswordDto, LoginDto, MeDto, RefreshDto, SwitchTenantDto, TokenPairDto } from './auth.dto.js';
import { AuthService } from './auth.service.js';
import { LoginsService } from './logins.service.js';

@Controller('auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly logins: LoginsService,
  ) {}

  @Post('login')
  @HttpCode(200)
  @Public('who signs in has no credential yet', { rate: 'login' })
  @ApiUnauthorizedResponse({ description: 'Email or password is wrong, or there is no tenant to sign in to' })
  @Replay(false)
  login(@Body() dto: LoginDto): Promise<TokenPairDto> {
    return this.logins.login(dto);
  }

  /** A new pair; the refresh token given is dead, and using it again ends the login. */
  @Post('refresh')
  @HttpCode(200)
  @Public('the refresh token in the body is the credential')
  @ApiUnauthorizedResponse({ description: 'The refresh token is not valid any more' })
  @Replay(false)
  refresh(@Body() dto: RefreshDto): Promise<TokenPairDto> {
    return this.logins.refresh(dto);
  }

  /** Ends this login, its access token included. */
  @Post('logout')
  @HttpCode(204)
  @Access({ apiKeys: false })
  @Replay(false)
  logout(): Promise<void> {
    return this.auth.logout();
  }

  /** Ends all of the user's logins, in all tenants. */
  @Post('logout-all')
  @HttpCode(204)
  @Access({ apiKeys: false })
  @Replay(false)
  logoutAll(): Promise<void> {
    return this.auth.logoutAll();
  }

  @Get('me')
  @Access({})
  me(): Promise<MeDto> {
    return this.auth.me();
  }

  /** Opens a login to another of the user's tenants; the present one goes on. */
  @Post('switch-tenant')
  @HttpCode(200)
  @Access({ apiKeys: false })
  @Replay(false)
  switchTenant(@Body() dto: SwitchTenantDto): Promise<TokenPairDto> {
    return this.logins.switchTenant(dto);
  }

  /** Ends all of the user's other logins. */
  @Post('change-password')
  @HttpCode(204)
  @Access({ apiKeys: false })
  @Replay(false)
  changePassword(@Body() dto: ChangePasswordDto): Promise<void> {
    return this.auth.changePassword(dto);
  }
}
