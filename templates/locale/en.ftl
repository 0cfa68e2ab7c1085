# Every fixed string of a mail, in English. A key added here must be added in the other languages too: a test compares keys
# and variables. All strings are plain text, never HTML.

# Dates and times

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
date = { $day } { $month } { $year }
date-long = { $weekday } { $day } { $month } { $year }
date-and-time = { $date }, { $time }
clocks-change = The clocks change during this time.
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
and = and

# On every mail

greeting = Hello { $name },
greeting-blank = Hello,
label-reference = Reference
reference-note = Please quote the reference { $reference } if you contact us.

# Footer

footer-heading = About this message
footer-sender = Sent by { $organisation }, { $address }.
footer-registration = Registration number: { $number }.
footer-seat = Registered office: { $seat }.
footer-why = You receive this as { $role } for { $customer } (account { $account }), which gave us your contact details.
role-service = a service contact
role-security = a security contact
role-technical = a technical contact
role-legal = a legal contact
role-billing = a billing contact
footer-successor = Not the right person any more? Tell us who is:
footer-objection = You may, however, object on grounds relating to your particular situation (GDPR Article 21(1)). Write to:
footer-optional-news = You may object to receiving news from us at any time, without giving a reason (GDPR Article 21).
footer-optional-survey = You may object to receiving surveys from us at any time, without giving a reason (GDPR Article 21).
footer-unsubscribe-news = Unsubscribe from news
footer-unsubscribe-survey = Unsubscribe from surveys
footer-privacy = Questions about personal data:
footer-privacy-notice = How we handle personal data:
footer-authority = You can lodge a complaint with the supervisory authority: { $authority }.

# Legal bases. The basis is what permits us to use the address (GDPR Article 6); the duty is why there is a notice at all.

basis-security_breach = Legal basis: a legal obligation (GDPR Article 6(1)(c)).
basis-security_breach-suspected = Legal basis: our legitimate interest in warning you early (GDPR Article 6(1)(f)).
basis-disruption = Legal basis: our legitimate interest in keeping you informed about the services you use (GDPR Article 6(1)(f)).
basis-maintenance = Legal basis: our legitimate interest in keeping you informed about the services you use (GDPR Article 6(1)(f)).
basis-agreement_change = Legal basis: if you are the customer yourself, our contract with you (GDPR Article 6(1)(b)); otherwise our legitimate interest in informing the contact the customer has named (Article 6(1)(f)).
basis-security_measures_change = Legal basis: our legitimate interest in keeping you informed about how your data is protected (GDPR Article 6(1)(f)).
basis-billing = Legal basis: if you are the customer yourself, our contract with you (GDPR Article 6(1)(b)); otherwise our legitimate interest in sending invoices to the contact the customer has named (Article 6(1)(f)).
basis-news = Legal basis: our legitimate interest in informing customers about our services (GDPR Article 6(1)(f)).
basis-survey = Legal basis: our legitimate interest in improving our services (GDPR Article 6(1)(f)).

duty-processor_breach = Our duty: a processor must notify the controller of a personal data breach (Article 33(2)).
duty-controller_breach = Our duty: a controller must inform the people concerned of a personal data breach that is likely to put them at high risk (Article 34).
duty-security = Our duty: to keep processing secure (Article 32(1)).
duty-security_measures = Our duties: to keep processing secure (Article 32(1)), and those of a processor (Article 28).
duty-sub_processor = Our duty: a processor must announce a change of sub-processors, so that the controller can object (Article 28(2)).
duty-data_processing = Our duty: processing on behalf of a customer must be governed by a contract (Article 28(3)).
duty-billing = Our duty: accounting law requires us to issue and store invoices (Article 6(1)(c)).

refusal-security_breach = You cannot opt out of these notices: the law requires us to send them.
refusal-security_breach-suspected = You cannot opt out of these notices: you must be able to act in time.
refusal-disruption = You cannot opt out of these notices: you must be able to act when a service you rely on fails.
refusal-maintenance = You cannot opt out of these notices: you must be able to prepare for work on a service you rely on.
refusal-agreement_change = You cannot opt out of these notices: you must know the terms that apply, and your rights when they change.
refusal-security_measures_change = You cannot opt out of these notices: you must be able to judge how your data is protected.
refusal-billing = You cannot opt out of these notices: they are part of invoicing.

# Security breach

security_breach-label-suspected = Possible personal data breach
security_breach-label-confirmed = Personal data breach
security_breach-label-update = Personal data breach: update
security_breach-label-final = Personal data breach: final notice
security_breach-subject-suspected = Possible personal data breach: { $reference }
security_breach-subject = Personal data breach: { $reference }
security_breach-heading-suspected = Possible personal data breach: { $reference }
security_breach-heading-confirmed = Personal data breach: { $reference }
security_breach-heading-update = Update on personal data breach: { $reference }
security_breach-heading-final = Final notice of personal data breach: { $reference }
security_breach-lead-controller-suspected = We are investigating a security incident in which your personal data may have been affected. This is not confirmed. We are informing you now so that you can protect yourself, and will write again as soon as we know more.
security_breach-lead-controller-confirmed = A security incident has affected your personal data. This notice explains what happened, what it may lead to, what we are doing about it and what you can do.
security_breach-lead-controller-update = We know more about the security incident of which we informed you earlier. This notice replaces what we wrote then.
security_breach-lead-controller-final = Our investigation of the security incident of which we informed you earlier is complete. This is our final notice about it.
security_breach-lead-processor-suspected = We are investigating a security incident in which personal data that we process on your behalf may have been affected. This is not confirmed. We are informing you now so that you can prepare, and will write again as soon as a breach is confirmed or ruled out.
security_breach-lead-processor-confirmed = A security incident has affected personal data that we process on your behalf. As your processor, we are notifying you as the controller (GDPR Article 33(2)).
security_breach-lead-processor-update = We know more about the security incident of which we notified you earlier. This notice replaces what we wrote then; please check whether it changes anything you have reported as the controller (GDPR Article 33(4)).
security_breach-lead-processor-final = Our investigation of the security incident of which we notified you earlier is complete. This is our final notice about it; please check whether it changes anything you have reported as the controller (GDPR Article 33(4)).
security_breach-stage = Stage
security_breach-stage-suspected = Suspected, not confirmed
security_breach-stage-confirmed = Confirmed
security_breach-stage-update = Update
security_breach-stage-final = Investigation complete
security_breach-discovered = Discovered
security_breach-occurred-from = Began
security_breach-occurred-until = Ended
security_breach-data = Data affected
security_breach-data-suspected = Data that may be affected
security_breach-nature = What happened
security_breach-nature-suspected = What we know so far
security_breach-consequences = What it may lead to
security_breach-measures = What we have done and are doing
security_breach-actions = What you should do
security_breach-duties = Your duties as the controller
security_breach-duties-suspected = Nothing is confirmed yet. If a breach is confirmed, you may have to notify your supervisory authority within 72 hours (GDPR Article 33(1)). You will then receive what you need for that from us without undue delay.
security_breach-duties-confirmed = You must notify your supervisory authority without undue delay and, where feasible, within 72 hours of becoming aware of the breach, unless it is unlikely to put people at risk (GDPR Article 33(1)). If the risk to them is likely to be high, you must also inform the people concerned (Article 34). This notice contains what we know of what Article 33(3) asks for: the nature of the breach and the data affected, the likely consequences, the measures taken, and a contact point. Anything missing may be supplied later (Article 33(4)); we will send it as soon as we have it.
security_breach-contact = Where to get more information

# Disruption

disruption-label-possible = Possible disruption
disruption-label-investigating = Disruption: being investigated
disruption-label-identified = Disruption: cause found
disruption-label-monitoring = Disruption: being monitored
disruption-label-resolved = Disruption: resolved
disruption-subject-possible = Possible disruption of { $services }
disruption-subject = Disruption of { $services }
disruption-heading-possible = Possible disruption of { $services }
disruption-heading-investigating = Disruption of { $services }: we are investigating
disruption-heading-identified = Disruption of { $services }: cause found, fix in progress
disruption-heading-monitoring = Disruption of { $services }: fixed, we are monitoring
disruption-heading-resolved = Disruption of { $services }: resolved
disruption-opening = Status: { $status }.
disruption-opening-changed = Status: { $status }. Before: { $before }.
disruption-opening-resolved = Resolved after { $duration }.
disruption-lead-possible = Services that you use may be disrupted. It is not certain that they will be; we are informing you now so that you can prepare.
disruption-lead-investigating = Something is not working as it should. We do not know the cause yet and are looking for it.
disruption-lead-identified = We know the cause of the disruption and are working on a fix.
disruption-lead-monitoring = The fix is in place. We are monitoring the service before we call the disruption over.
disruption-lead-resolved = The disruption is over and the service works as it should.
disruption-status = Status
disruption-status-possible = Possible, not confirmed
disruption-status-investigating = Being investigated
disruption-status-identified = Cause found, fix in progress
disruption-status-monitoring = Fixed, being monitored
disruption-status-resolved = Resolved
disruption-services = Services
disruption-started = Started
disruption-started-possible = Risk since
disruption-resolved = Resolved
disruption-duration = Duration
disruption-next-update = Next update
disruption-next-update-by = By { $time }
disruption-impact = What you may notice
disruption-impact-resolved = What was affected
disruption-workaround = What you can do in the meantime

# Maintenance

maintenance-label-announced = Planned maintenance
maintenance-label-rescheduled = Maintenance: new time
maintenance-label-cancelled = Maintenance: cancelled
maintenance-label-started = Maintenance: started
maintenance-label-completed = Maintenance: completed
calendar-name = Maintenance: { $organisation }
maintenance-subject = Maintenance of { $services }
maintenance-heading-announced = Planned maintenance of { $services }: { $when }
maintenance-heading-rescheduled = New time for maintenance of { $services }: { $when }
maintenance-heading-cancelled = Cancelled: maintenance of { $services } on { $when }
maintenance-heading-started = Maintenance of { $services } has started
maintenance-heading-completed = Maintenance of { $services } is complete
maintenance-opening-announced = Planned for { $when }.
maintenance-opening-reminder = Reminder: planned for { $when }.
maintenance-opening-moved = Moved from { $before } to { $when }.
maintenance-opening-end_moved = The end has moved from { $before } to { $when }.
maintenance-opening-cancelled = Cancelled: the maintenance planned for { $when } will not take place.
maintenance-opening-started = Started. The planned end is { $when }.
maintenance-opening-completed = Completed.
maintenance-opening-completed_early = Completed early. The planned end was { $when }.
maintenance-lead-announced = We will carry out planned maintenance on services that you use.
maintenance-lead-rescheduled = Maintenance that we announced earlier has moved to another time. Please note the new time below.
maintenance-lead-cancelled = Maintenance that we announced will not take place. You do not need to do anything.
maintenance-lead-started = The maintenance that we announced has started.
maintenance-lead-completed = The maintenance is complete. If something does not work as before, please contact us.
maintenance-when = When
maintenance-when-rescheduled = New time
maintenance-when-cancelled = Was planned for
maintenance-previous = Previous time
maintenance-no-longer = No longer applies.
maintenance-cancelled-note = Will not take place.
maintenance-duration = Duration
maintenance-services = Services
maintenance-impact = What you may notice
maintenance-impact-cancelled = What this would have affected
maintenance-impact-completed = What was affected
maintenance-impact-level = Expected effect
maintenance-impact-level-no_impact = None
maintenance-impact-level-reduced_redundancy = Reduced redundancy
maintenance-impact-level-degraded = Degraded service
maintenance-impact-level-outage = Outage
maintenance-action = What you need to do

# Agreement change

agreement_change-label-terms = Agreement change: terms
agreement_change-label-price = Agreement change: prices
agreement_change-label-data_processing = Agreement change: data processing
agreement_change-label-sub_processor = Agreement change: sub-processors
agreement_change-label-other = Agreement change
agreement_change-subject-terms = New terms from { $date }: { $document }
agreement_change-subject-price = New prices from { $date }: { $document }
agreement_change-subject-data_processing = New data processing terms from { $date }: { $document }
agreement_change-subject-sub_processor = Change of sub-processors from { $date }: { $document }
agreement_change-subject-other = { $document } changes on { $date }
agreement_change-lead-terms = We are changing the terms between us. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-price = We are changing our prices. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-data_processing = We are changing the agreement on how we process personal data on your behalf. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-sub_processor = We plan to change the sub-processors that process personal data on your behalf. As the controller, you may object before the change takes effect (GDPR Article 28(2)).
agreement_change-lead-other = We are changing an agreement between us. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-document = Document
agreement_change-version = New version
agreement_change-effective = Takes effect
agreement_change-right-until = Object or terminate by
agreement_change-right-until-sub_processor = Object by
agreement_change-summary = What changes
agreement_change-right = Your right to object or terminate
agreement_change-right-sub_processor = Your right to object
agreement_change-right-date = You can use this right until and including { $date }.
agreement_change-text = The full text

# Security measures change

security_measures_change-label = Security measures change
security_measures_change-subject = Security measure changes on { $date }: { $measure }
security_measures_change-lead = We are changing a measure that protects the data you store with us.
security_measures_change-measure = Measure
security_measures_change-kind = Type of change
security_measures_change-kind-technical = Technical
security_measures_change-kind-organisational = Organisational
security_measures_change-effective = Takes effect
security_measures_change-change = What changes
security_measures_change-effect = What it means for you

# Billing

billing-label = Invoice
billing-subject = Invoice { $invoice }: { $amount } { $currency }, due { $date }
billing-lead = Here are the details of your invoice.
billing-invoice = Invoice number
billing-period = Period
billing-amount = Amount
billing-due = Due date
billing-payment-reference = Payment reference

# News

news-label = News

# Survey

survey-label = Survey
survey-subject = Your opinion, please: { $question }
survey-heading = Your opinion, please
survey-question = Our question
survey-closes = Closes
survey-button = Answer the survey
survey-voluntary = Taking part is voluntary.

# The page behind the unsubscribe link

preferences-title = What we may send you
preferences-intro = These choices are for { $address }, for every customer account you are a contact of. Untick what you do not want to receive.
preferences-saved = Your choices are saved.
preferences-news = News about our services
preferences-survey = Surveys
preferences-save = Save
preferences-mandatory = Notices we must send, such as those about maintenance, disruptions, agreement changes, security and invoices, are not affected.
link-gone-title = This link is no longer valid
link-gone-text = It is incomplete, or the message it came from is no longer on record. To stop receiving news or surveys, write to { $contact }.
link-unclear-title = Nothing was changed
link-unclear-text = The request did not say what you want. Open the link in your message and choose there.
link-often-title = Too many changes
link-often-text = The choices for this address were changed many times in the last hour. What you declined was saved, what you accepted was not. Please try again in an hour. You can opt out at any time.
link-failed-title = Something went wrong
link-failed-text = Nothing was changed. Please try again later.

# The console. Each section belongs to some of its pages.

## Console: frame

console-thousands = ","
console-decimal = .
console-percent = { $number }%
console-language = English
console-skip = Skip to the content
console-nav = Places
console-nav-now = Now
console-nav-notices = Notices
console-nav-ask = Was it said?
console-nav-tasks = Tasks
console-nav-customers = Customers
console-nav-people = People’s rights
console-nav-preferences = Preferences
console-nav-suppressions = Suppressions
console-nav-inbound = What came back
console-nav-relays = Relays
console-nav-ledger = Ledger
console-nav-operators = Operators
console-nav-keys = Keys
console-nav-webhooks = Webhooks
console-nav-audit = Audit log
console-nav-me = My account
console-sign-out = Sign out
console-next-page = Next page
console-problems =
    { $count ->
        [one] There is a problem
       *[other] There are { $number } problems
    }
console-refusal-invalid-title = This is not possible
console-refusal-invalid-remedy = Go back, correct it and try again. Nothing was changed.
console-refusal-refused-title = This was refused
console-refusal-refused-remedy = A rule stands against it. Nothing was changed.
console-refusal-not-found-title = There is no such page
console-refusal-not-found-remedy = The address may be mistyped, or what it names was deleted.
console-refusal-conflict-title = Somebody was faster
console-refusal-conflict-remedy = It was changed in the meantime. Look at how it is now, then decide again.
console-refusal-unauthenticated-title = You are not signed in
console-refusal-unauthenticated-remedy = Sign in and try again.
console-refusal-forbidden-title = Your roles do not allow this
console-refusal-forbidden-remedy = Ask a colleague with the role, or an admin to give it to you.
console-refusal-later-title = Not at the moment
console-refusal-later-remedy = The database is busy or does not answer. Nothing was changed: try again in a moment.
console-refusal-failed-title = Something went wrong
console-refusal-failed-remedy = It is in the log. Nothing was lost: try again, and show an admin if it happens again.

## Console: sign-in

console-sign-in-title = Sign in
console-sign-in-name = Name
console-sign-in-name-hint = As an admin has added you
console-sign-in-password = Password
console-sign-in-button = Sign in
console-sign-in-wrong = The name or the password is wrong. If you have no password yet, or have forgotten it, ask an admin for an invitation.
console-sign-in-often = There were too many attempts. Wait { $seconds } seconds, then try again.
console-sign-in-again = Please sign in again: your session has ended.
console-sign-in-provider = Sign in with { $name }
console-sign-in-provider-failed = The sign-in at the provider did not work. Try again, or ask an admin.
console-code-title = Confirm that it is you
console-code-text = Open your authenticator app and type the code that it shows for { $organisation }.
console-code-code = Code
console-code-hint = Six digits, or one of your recovery codes
console-code-button = Continue
console-code-wrong = This code is wrong or was used before. Wait for the next one and type that.
console-code-other = Sign in as somebody else
console-factor-title = Set up a second factor
console-factor-text = A second factor is a code from an app, beside your password; some roles need it. Scan the picture with an authenticator app, then type the code that it shows.
console-factor-secret = Or type this key into the app
console-factor-picture = QR code of the key below
console-factor-former = Code of the present device
console-factor-former-hint = Or one of your recovery codes
console-factor-button = Confirm
console-factor-wrong = This is not the code of this key. Check that the clock of your device is right, and type the code that the app shows now.
console-recovery-title = Keep your recovery codes
console-recovery-text = Each of these works once in place of a code, if you have lost your device. They are shown only now: print them or put them into a password manager.
console-recovery-button = I have kept them
console-recovery-left =
    { $count ->
        [0] No recovery code is left
        [one] { $number } recovery code is left
       *[other] { $number } recovery codes are left
    }
console-invite-title = Welcome, { $name }
console-invite-text = Choose a password. Length is what counts: several words that only you would put together.
console-invite-password = Password
console-invite-password-hint = At least 12 characters
console-invite-again = Password again
console-invite-button = Set the password
console-invite-gone-title = This invitation is not valid any more
console-invite-gone-text = An invitation works once, and for 24 hours. Ask an admin for another one.
console-password-short = The password has fewer than 12 characters.
console-password-long = The password has more than 256 characters.
console-password-common = This password is among the first that an attacker tries. Take several words that only you would put together.
console-password-differs = This is not the same password as the one above.
console-lost-title = You are not signed in any more
console-lost-text = Nothing was saved, and nothing that you typed is lost: it is below. Sign in in another tab, then send it again from here.
console-lost-again = Send it again
console-lost-sign-in = Sign in in another tab
console-lost-large = The form was too large to be kept. Go back in your browser: most keep what was typed.

## Console: my account

console-me-title = My account
console-me-name = Name
console-me-roles = Roles
console-me-email = Email
console-me-language-title = Language and time zone
console-me-language = Language
console-me-language-default = The organisation’s
console-me-zone = Time zone
console-me-zone-hint = Such as Europe/Stockholm; empty for the organisation’s, { $zone }
console-me-save = Save
console-me-saved = Your language and time zone are saved.
console-me-password-title = Password
console-me-password-present = Present password
console-me-password-new = New password
console-me-password-button = Change the password
console-me-password-saved = Your password is changed. Your other sessions were ended.
console-me-password-wrong = This is not your present password.
console-me-password-none = You sign in at a provider and have no password here.
console-me-factor-title = Second factor
console-me-factor-on = Set up on { $date }
console-me-factor-off = Not set up
console-me-factor-set = Set up a second factor
console-me-factor-replace = Set up another device
console-me-codes = Make new recovery codes
console-me-sessions-title = Sessions
console-me-sessions-text = Where you are signed in. End what you do not know, then change your password.
console-me-session-begun = Signed in
console-me-session-seen = Last used
console-me-session-where = From
console-me-session-this = This one
console-me-session-end = End
console-me-session-ended = The session is ended.
console-me-sessions-end = End all others
console-me-sessions-ended = All other sessions are ended.

## Console: notices

## Console: pages

# The first parts of long compounds, after which a heading or label may break in a narrow window.
soft-hyphens = infra counter
