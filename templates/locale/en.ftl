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
footer-calendar = Subscribe to all maintenance as a calendar
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
console-nav-ask = Ask
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
console-refusal-state-title = It does not fit how things stand
console-refusal-state-remedy = Nothing was changed. Look at how it is now: it says what is possible.
console-refusal-unauthenticated-title = You are not signed in
console-refusal-unauthenticated-remedy = Sign in and try again.
console-refusal-forbidden-title = Your roles do not allow this
console-refusal-forbidden-remedy = Ask a colleague with the role, or an admin to give it to you.
console-refusal-later-title = Not at the moment
console-refusal-later-text = The database is busy or does not answer.
console-refusal-later-remedy = Try again in a moment. If you sent a form, look first whether it was done.
console-refusal-slow = This took too long, and was ended.
console-refusal-goes-on = This takes longer than a page waits, and is still being done.
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
console-sign-in-provider-own = An operator of this name signs in here with a password or a code. If that is you: sign in with it, and connect the provider under “My account”.
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
console-me-provider-title = Sign-in at a provider
console-me-provider-text = You can sign in with { $provider }, too, if it knows you by the same name.
console-me-provider-connect = Connect it
console-me-sessions-title = Sessions
console-me-sessions-text = Where you are signed in. End what you do not know, then change your password.
console-me-session-begun = Signed in
console-me-session-half = Not signed in: only the password was given. If that was not you, change it.
console-me-session-seen = Last used
console-me-session-where = From
console-me-session-this = This one
console-me-session-end = End
console-me-session-ended = The session is ended.
console-me-sessions-end = End all others
console-me-sessions-ended = All other sessions are ended.

## Console: notices

console-category-security-breach = Breach of personal data
console-category-disruption = Disruption
console-category-maintenance = Maintenance
console-category-agreement-change = Change of an agreement
console-category-security-measures-change = Change of a security measure
console-category-billing = Invoice
console-category-news = News
console-category-survey = Survey
console-category-about-security-breach = Personal data was lost, changed, or seen by somebody who must not. Stays sealed until its release.
console-category-about-disruption = A service does not work as it should, or may not. Goes out before all others.
console-category-about-maintenance = Planned work in a time window, with its phases from announced to completed.
console-category-about-agreement-change = New terms, prices, an agreement or a sub-processor, with the right to object or terminate.
console-category-about-security-measures-change = A technical or organisational measure changes, and what that means for the customer.
console-category-about-billing = An invoice, to billing contacts only.
console-category-about-news = What is new. Goes only to those who have not opted out.
console-category-about-survey = A question with a link. Goes only to those who have not opted out.
console-class-mandatory = Must be sent: nobody can opt out
console-class-optional = May be sent: recipients can opt out
console-notice-state-draft = Draft
console-notice-state-submitted = Waits for approval
console-notice-state-approved = Approved
console-notice-state-scheduled = Scheduled
console-notice-state-releasing = Being released
console-notice-state-released = Being sent
console-notice-state-closed = Closed
console-notice-state-declined = Declined
console-notice-state-cancelled = Cancelled
console-delivery-state-queued = Waits to be sent
console-delivery-state-sending = Being sent
console-delivery-state-deferred = Not accepted yet, is retried
console-delivery-state-accepted = Accepted by the mail server
console-delivery-state-delivered = Delivered, says the mail server
console-delivery-state-bounced = Returned
console-delivery-state-rejected = Refused
console-delivery-state-expired = Not accepted in time
console-delivery-state-uncertain = Perhaps accepted
console-delivery-state-suppressed = Not sent: suppressed
console-delivery-state-opted-out = Not sent: opted out
console-delivery-state-cancelled = Not sent: cancelled
console-verdict-informed = Informed
console-verdict-pending = Not decided yet
console-verdict-not-informed = Not informed
console-verdict-cannot-be = Nobody to address
console-verdict-not-addressed = Not in the audience
console-verdict-not-released = Not released
console-level-relayed = Our relay took it
console-level-accepted-by-mx = The recipient’s own mail server took it
console-level-operator-found = Found out by an operator
console-level-dsn-delivered = The mail server reported the delivery
console-level-attested = A person’s word
console-level-acknowledged = Confirmed by the customer
console-channel-phone = By phone
console-channel-letter = By letter
console-channel-in-person = In person
console-channel-other = In another way
console-task-about-not-informed = Customers who are not informed
console-task-about-overdue = The deadline has passed
console-task-about-weak-match = Reports that match only in part
console-task-about-contradiction = Reports that contradict each other
console-task-about-left-company = Persons who have left
console-task-about-new-address = New addresses
console-task-about-unread = Mail that cannot be read
console-task-about-unforwarded = Replies that were not forwarded
console-task-about-stale-directory = Customers that are out of date
console-task-about-webhook-failed = Webhooks that fail
console-task-about-promise = Promises that fall due
console-task-about-draft = Drafts of a series that wait

console-notices-title = Notices
console-notices-write = Write a notice
console-notices-state = State
console-notices-category = Category
console-notices-reference = Reference
console-notices-any = Any
console-notices-filter = Show
console-notices-unfilter = Show all
console-notices-none = No notice was written yet.
console-notices-none-such = No notice fits this.
console-notices-subject = Subject
console-notices-when = Time
console-notices-author = Author
console-notices-recipients = Recipients
console-notices-due = Due
console-notices-created = Written
console-notices-overdue = Its time has come, and nobody has released it

console-notice-next = What is next
console-notice-waits-draft = It is not submitted yet: nobody receives it.
console-notice-waits-submitted = It waits for the approval of a second person.
console-notice-waits-submitted-own = It waits for the approval of a second person: you wrote it, so that has to be somebody else.
console-notice-waits-approved = It is approved, and nobody has released it yet.
console-notice-waits-overdue = It is approved and its time has come, but nobody has released it.
console-notice-waits-scheduled = It will be released at its time by itself.
console-notice-waits-releasing = Its recipients are being listed. Nothing is sent before that is complete.
console-notice-waits-released = It is being sent.
console-notice-waits-paused = Its sending is paused: nothing more goes out until somebody resumes it.
console-notice-waits-closed = Every delivery has its outcome. What comes back later is still recorded.
console-notice-waits-declined = It was declined. Whoever edits it makes it a draft again.
console-notice-waits-cancelled = It was cancelled. What was not sent is not sent.
console-notice-changed = Since the approval its recipients have changed: { $then } then, { $now } now.
console-notice-may-have-changed = Customers or contacts have changed since the approval, and so its recipients may have.
console-notice-compare = Compare them now
console-notice-follow = Write the next one
console-notice-copy = Copy it
console-notice-about = About it
console-notice-whom = Goes to
console-notice-class = Kind
console-notice-languages = Languages
console-notice-approved-by = Approved by
console-notice-released = Released
console-notice-closed = Closed
console-notice-follows = Continues
console-notice-escalation = If a customer is not informed
console-notice-escalation-after = After { $after }
console-notice-escalation-task = a task for a person
console-notice-digest = Digest
console-notice-content = What it says
console-notice-source = As it was written
console-notice-steps = Who did what
console-notice-tasks = Tasks that it has left
console-whom-all = All customers
console-whom-some = Customers with certain attributes, or single ones
console-whom-rows = The customers in a file
console-whom-nobody = Nobody yet: recipients are added after the release
console-whom-followed = The customers of the notice that it continues
console-whom-named =
    { $count ->
        [one] { $number } customer by account
       *[other] { $number } customers by account
    }

console-step-submit = Submit for approval
console-step-approve = Approve
console-step-decline = Decline
console-step-release = Release
console-step-pause = Pause
console-step-resume = Resume
console-step-cancel = Cancel it
console-step-close = End it
console-step-edit = Edit
console-step-title-submit = Submit for approval?
console-step-title-approve = Approve this notice?
console-step-title-decline = Decline this notice?
console-step-title-release = Release this notice?
console-step-title-pause = Pause the sending?
console-step-title-resume = Resume the sending?
console-step-title-cancel = Cancel this notice?
console-step-title-close = End this standing notice?
console-step-done-create = Written by
console-step-done-edit = Edited by
console-step-done-submit = Submitted by
console-step-done-approve = Approved by
console-step-done-decline = Declined by
console-step-done-release = Released by
console-step-done-pause = Paused by
console-step-done-resume = Resumed by
console-step-done-cancel = Cancelled by
console-step-done-close = Ended by
console-step-refused-create = Refused, to be written by
console-step-refused-edit = Refused, to be edited by
console-step-refused-submit = Refused, to be submitted by
console-step-refused-approve = Refused, to be approved by
console-step-refused-decline = Refused, to be declined by
console-step-refused-release = Refused, to be released by
console-step-refused-pause = Refused, to be paused by
console-step-refused-resume = Refused, to be resumed by
console-step-refused-cancel = Refused, to be cancelled by
console-step-refused-close = Refused, to be ended by
console-step-taken-submit = The notice is submitted.
console-step-taken-approve = The notice is approved.
console-step-taken-decline = The notice is declined.
console-step-taken-release = The notice is released.
console-step-taken-release-begun = The release has begun: its recipients are still being listed.
console-step-taken-release-scheduled = The notice is scheduled: it is released at its time.
console-step-taken-pause = The sending is paused.
console-step-taken-resume = The sending goes on.
console-step-taken-cancel = The notice is cancelled.
console-step-taken-close = The standing notice is ended.
console-consequence-submit = A second person decides about it, if its category asks for one; else it is approved at once. Nothing is sent yet.
console-consequence-approve = You approve exactly what you see here: whatever is changed afterwards needs another approval. Nothing is sent before somebody releases it.
console-consequence-decline = Its author sees your reason, and can change it and submit it again. Nothing is sent.
console-consequence-release = Its recipients are listed now, and the sending begins at once. What was sent cannot be taken back.
console-consequence-release-later = It is scheduled: its recipients are listed at its time, and the sending begins then.
console-consequence-release-now = It is released now instead of at its time. What is sent cannot be taken back.
console-consequence-pause =
    { $count ->
        [0] Nothing more is sent until somebody resumes it. Nothing waits at the moment.
        [one] Nothing more is sent until somebody resumes it: { $number } delivery waits meanwhile.
       *[other] Nothing more is sent until somebody resumes it: { $number } deliveries wait meanwhile.
    }
console-consequence-resume =
    { $count ->
        [0] The sending goes on. Nothing waits at the moment.
        [one] The sending goes on: { $number } delivery waits.
       *[other] The sending goes on: { $number } deliveries wait.
    }
console-consequence-cancel = It ends for good: it can be copied, but never be released.
console-consequence-cancel-sending =
    { $count ->
        [0] It ends for good. Nothing waits to be sent at the moment; what was sent is not taken back.
        [one] It ends for good: { $number } delivery that was not sent is never sent. What was sent is not taken back.
       *[other] It ends for good: { $number } deliveries that were not sent are never sent. What was sent is not taken back.
    }
console-consequence-close = Nobody can be added any more. Those who were added still receive it.
console-step-reason = Reason
console-step-reason-hint-submit = For the record, in one line
console-step-reason-hint-approve = For the record, in one line, if there is something to say
console-step-reason-hint-decline = What its author should change, in one line
console-step-reason-hint-release = For the record, in one line, if there is something to say
console-step-reason-hint-pause = For your colleagues, in one line
console-step-reason-hint-resume = For your colleagues, in one line
console-step-reason-hint-cancel = For the record, in one line
console-step-reason-hint-close = For the record, in one line
console-step-reason-missing = Reason: write what its author should change.
console-step-release-at-once = Release it now, and do not wait for its time
console-step-not = Not now
console-step-back = Back to the notice
console-form-stale = This form is not complete: fill it in again.
console-form-too-large = This form is too large: nothing was done.
console-form-unreadable = This form cannot be read: nothing was done.
console-day-wrong = This is no date.
console-moment-wrong = This is no date with a time.
console-step-stale = This is not possible any more, or was done already. The notice is now in this state:
console-step-reach = { $addresses } at { $customers }
console-step-reaches-nobody = It reaches nobody at present
console-step-differs = What differs from the notice that it continues
console-step-since-approve = What has changed since { $name } approved it, { $time }
console-step-since-approve-own = What has changed since you approved it, { $time }
console-step-since-decline = What has changed since { $name } declined it, { $time }
console-step-since-decline-own = What has changed since you declined it, { $time }
console-step-since-submit = What has changed since it was submitted before
console-step-same = Nothing has changed since then.
console-step-same-text = Its text is the same: only the rows of its audience differ.
console-step-unaddressed = Customers with nobody to address, such as

console-coverage-title = Who is informed
console-coverage-informed-of = informed: { $informed } of { $customers } customers
console-coverage-informed = Informed
console-coverage-pending = Not decided yet
console-coverage-not = Not informed
console-coverage-cannot = Nobody to address
console-coverage-overdue = Not informed past the deadline
console-coverage-late = Informed after the deadline
console-coverage-is-late = After the deadline
console-coverage-customers =
    { $count ->
        [one] { $number } customer.
       *[other] { $number } customers.
    }
console-coverage-count = Count how many are informed
console-coverage-counted = Counted at
console-coverage-counting = The customers are being counted: a million take some seconds.
console-coverage-look-again = Look again
console-coverage-overdue-last =
    { $count ->
        [one] At the last look { $number } customer was not informed past the deadline.
       *[other] At the last look { $number } customers were not informed past the deadline.
    }
console-coverage-deadline = Deadline:
console-coverage-escalated =
    { $count ->
        [one] For { $number } customer contacts with other roles were addressed.
       *[other] For { $number } customers contacts with other roles were addressed.
    }
console-coverage-open = Customers who are not informed
console-coverage-all = All customers
console-coverage-csv = The same as a file for a spreadsheet (CSV)
console-coverage-which = Which customers
console-coverage-only-all = All
console-coverage-only-open = Not informed
console-coverage-only-late = Late
console-coverage-customer = Customer
console-coverage-verdict = Informed
console-coverage-since = Since
console-coverage-addresses = Addresses and attestations
console-coverage-none = There is no such customer.
console-coverage-none-here = None among those that were looked at: the next page goes on.

console-deliveries-title = Deliveries
console-deliveries-count =
    { $count ->
        [one] { $number } delivery.
       *[other] { $number } deliveries.
    }
console-deliveries-waiting =
    { $count ->
        [one] { $number } of them has no outcome yet.
       *[other] { $number } of them have no outcome yet.
    }
console-deliveries-next = The next one that waits for its time or for another try is due
console-deliveries-state = State
console-deliveries-number = Deliveries
console-deliveries-all = All deliveries
console-deliveries-to = Account or address
console-deliveries-account = Account
console-deliveries-address = Address
console-deliveries-reply = Reply
console-deliveries-attempts = Attempts
console-deliveries-since = Since
console-deliveries-none = There is no such delivery.

console-delivery-title = Delivery
console-delivery-found = found out by an operator
console-delivery-level = How sure
console-delivery-reason = Why it was not sent
console-delivery-unsent-not-carried = None of our relays can carry the message
console-delivery-unsent-not-composed = The message could not be composed
console-delivery-role = Role
console-delivery-act = What you can do
console-delivery-resend = Send it again
console-delivery-resend-text = If the message has arrived after all, the recipient gets it twice.
console-delivery-resent = The delivery is in the queue again.
console-stage-connect = at the connection
console-stage-greeting = at the greeting (EHLO)
console-stage-starttls = at the encryption (STARTTLS)
console-stage-auth = at the sign-in (AUTH)
console-stage-mail = at the sender (MAIL FROM)
console-stage-rcpt = at the recipient (RCPT TO)
console-stage-data = before the message (DATA)
console-stage-body = within the message
console-stage-dot = at the end of the message
console-delivery-report = Record it
console-delivery-report-what = What did you find out?
console-delivery-report-bounced = It was returned, or never arrived
console-delivery-report-delivered = It reached its mailbox
console-delivery-report-withdrawn = The finding before was wrong
console-delivery-reported = What you found out is recorded.
console-delivery-settle = Settle it
console-delivery-settle-text = The connection was lost too late to know whether the mail server has the message. The log of the relay says it.
console-delivery-settle-what = What does the log say?
console-delivery-settle-yes = The mail server accepted the message
console-delivery-settle-no = The mail server did not accept it
console-delivery-settled = The delivery is settled.
console-delivery-source-of = Source
console-delivery-source-hint = Such as a line of the relay’s log, in one line
console-delivery-choose = Choose one of these.
console-delivery-when = Time
console-delivery-relay = Relay
console-delivery-outcome = Outcome
console-delivery-no-attempt = It was not tried yet.
console-delivery-nothing-sent = Nothing was sent: no server took the message.
console-delivery-reports = What came back
console-delivery-replied = A reply
console-delivery-message = The message as it was sent
console-delivery-bytes = Its source
console-delivery-download = Take the message as a file

console-attest-title = Record that a customer was informed in another way
console-attest-text = A call or a letter informs a customer, too. Your word is recorded with your name, and the customer counts as informed.
console-attest-account = Account
console-attest-channel = How?
console-attest-by = Who informed the customer?
console-attest-by-hint = The name of the person
console-attest-at = When?
console-attest-note = What was said, or where is the letter?
console-attest-note-hint = In one line
console-attest-button = Record it
console-attest-done = It is recorded that the customer was informed.
console-attest-missing = This is missing.
console-attest-channel-missing = Choose how the customer was informed.
console-attest-no-time = When: this is no date with a time.
console-attest-withdrawn = withdrawn

console-evidence-title = Take evidence
console-evidence-text = A file that proves what the ledger says of this notice. Whoever has it can check it without us, here under “/verify” or with “besked verify”.
console-evidence-whose = Whose?
console-evidence-one = That of one customer: nobody else is named
console-evidence-everyone = That of every customer: each recipient is named
console-evidence-account-hint = For the evidence of one customer
console-evidence-messages = With the exact messages that were sent
console-evidence-json = As a file (JSON)
console-evidence-pdf = As a PDF
console-evidence-whose-missing = Account: name the customer that the evidence is for.
console-evidence-busy = Other evidence is being written at present.
console-evidence-too-large = This evidence is too large for a PDF here: take the file, or make the PDF with “besked evidence export --pdf”.

## Console: writing

console-choose-title = What do you want to say?
console-write-new = New notice
console-write-edit = Edit the notice
console-write-zone = Times are those of { $zone }.
console-write-optional = (optional)
console-write-what = What it is about
console-write-list-hint = One on each line
console-write-text = The text
console-write-category = Category
console-write-subject = Subject
console-write-subject-hint = Leave it empty for the usual one of its category
console-write-body = Text
console-write-body-hint = Markdown: **bold**, [a link](https://example.com), - lists
console-write-audience = To whom
console-write-attributes = Attributes
console-write-attributes-hint = One on each line, such as region: sto1, sto2. A customer must have one value of each.
console-write-customers = Accounts
console-write-customers-hint = Account numbers, between blanks or on lines
console-write-rows = File
console-write-rows-hint = A table with a column account_id and any others: CSV or a workbook, up to 16 MB
console-write-rows-too-large = “{ $name }” is larger than { $most } MB. Choose a smaller file, or send the notice with `besked notice` or the HTTP API.
console-write-rows-again = Choose { $name } again: a browser does not send a file twice. To keep the rows that are saved, open the form anew.
console-write-rows-text = Or its rows, as CSV
console-write-include-left = Also customers that have left
console-write-open = Recipients can be added after the release
console-write-when = When
console-write-when-now = At once when it is released
console-write-when-at = At a certain time, in { $zone }
console-write-when-local = At this time of each recipient’s own zone
console-write-send-at = Time of the release
console-write-send-at-local = Time at the recipient
console-write-spread = Spread over
console-write-spread-hint = Such as 2 h, if not everybody is to get it at once
console-write-reminders = Reminders
console-write-reminders-hint = How long before the window, such as 7 days, 1 day; “none” for none; empty as usual
console-write-every = Comes again
console-write-every-hint = Such as monthly, first Tuesday 22:00: a draft is made for each window, and you submit it. Empty: it does not come again
console-write-until = Until
console-write-until-hint = The last day on which a window may begin; empty for no end
console-write-twice = This time comes twice in that night
console-write-twice-first = The first time (UTC{ $offset }, before the clock is set back)
console-write-twice-second = The second time (UTC{ $offset })
console-write-matter = The matter
console-write-reference = Reference
console-write-reference-hint = Your own number, such as of a change or a case
console-write-follows = Continues
console-write-follows-hint = Id or reference of the notice before it
console-write-nexts = What may follow
console-write-line = line { $line }:{" "}
console-write-save = Save the draft
console-write-submit = Save and submit
console-write-check = Check
console-write-test = Send a test to { $address }
console-write-test-sent = A test was sent to { $address }: { $reply }
console-write-test-no-address = You have no address here: an admin can add one.
console-write-saved = The draft is saved.
console-write-copied = This is a copy of the notice: nothing is saved yet. Write new dates and numbers.
console-write-followed = This is filled in from the notice before: nothing is saved yet. Correct what has changed.
console-write-too-late = A notice that was released cannot be edited. Write the next one of its matter instead.
console-choose-begun = What you began
console-write-saved-before = This was saved before, as it was when you sent it first. What you typed since then is below: save it again.
console-write-too-late-kept = This notice cannot be edited any more. What you typed is here: save it as a new notice, or leave it.
console-write-begun = You began this and did not send it. It was kept last:
console-write-begun-continue = Continue with it
console-write-begun-forget = Forget it
console-write-kept = Kept at
console-write-not-kept = This was not kept: are you signed in still?
console-write-checked = Whom it reaches
console-write-reached = addresses at { $customers }
console-write-reached-one = address at { $customers }
console-write-addresses =
    { $count ->
        [one] { $number } address
       *[other] { $number } addresses
    }
console-write-at-customers =
    { $count ->
        [one] { $number } customer
       *[other] { $number } customers
    }
console-write-such-as = Such as
console-write-unaddressed =
    { $count ->
        [one] { $number } customer has nobody to address:
       *[other] { $number } customers have nobody to address:
    }
console-write-overtaken = { $name } saved another version while you were writing. Nothing that you typed is lost: it is below.
console-write-overtaken-text = { $name } saved another version after you began. Look at it, and take over into yours what should stay.
console-write-overtaken-see = See that version
console-write-overtaken-replace = Replace it with mine
console-preview-title = As recipients see it
console-preview-in = In { $language }
console-language-en = English
console-language-sv = Swedish
console-preview-format = Form
console-preview-text = Text
console-preview-scheme = Colours
console-preview-own = As yours
console-preview-light = Light
console-preview-dark = Dark
console-preview-phone = On a phone
console-preview-language = Language
console-preview-recipients = The recipient’s
console-preview-customer = As this customer sees it
console-preview-show = Show
console-preview-unready = There is something to be seen once this is filled in:
console-field-stage = Stage
console-field-our-role = Our role for the data
console-field-discovered-at = Discovered
console-field-nature = What happened
console-field-data-affected = Personal data affected
console-field-likely-consequences = Likely consequences
console-field-measures-taken = Measures taken or planned
console-field-recommended-actions = What the customer should do
console-field-contact-point = Where to ask
console-field-occurred-from = Began
console-field-occurred-until = Ended
console-field-status = Status
console-field-services = Services
console-field-impact = What customers notice
console-field-started-at = Began
console-field-next-update-at = Next update
console-field-resolved-at = Over since
console-field-workaround = What customers can do meanwhile
console-field-phase = Phase
console-field-window-start = Begin of the window
console-field-window-end = End of the window
console-field-previous-start = Begin as it was announced before
console-field-previous-end = End as it was announced before
console-field-impact-level = Impact in a word, for programs
console-field-action-needed = What customers must do
console-field-kind = Kind
console-field-document = Document
console-field-version = New version
console-field-effective-date = Takes effect
console-field-summary = What changes
console-field-right = The right to object or terminate
console-field-right-until = That right ends
console-field-measure = Measure
console-field-change = What changes
console-field-effect = What it means for the customer
console-field-invoice-number = Invoice number
console-field-period = Period
console-field-amount = Amount
console-field-currency = Currency
console-field-due-date = Due
console-field-payment-reference = Payment reference
console-field-title = Headline
console-field-question = Question
console-field-link = Address of the survey
console-field-closes-at = Closes
console-choice-suspected = Suspected
console-choice-confirmed = Confirmed
console-choice-update = Update
console-choice-final = Final report
console-choice-controller = Controller: we decide about the data
console-choice-processor = Processor: the customer decides about the data
console-choice-terms = Terms
console-choice-price = Prices
console-choice-data-processing = Data processing agreement
console-choice-sub-processor = Sub-processor
console-choice-other = Something else
console-choice-possible = Possible
console-choice-investigating = Investigating
console-choice-identified = Identified
console-choice-monitoring = Monitoring
console-choice-resolved = Resolved
console-choice-announced = Announced
console-choice-rescheduled = Rescheduled
console-choice-cancelled = Cancelled
console-choice-started = Started
console-choice-completed = Completed
console-choice-no-impact = None
console-choice-reduced-redundancy = Less to fall back on
console-choice-degraded = Works worse
console-choice-outage = Does not work
console-choice-technical = Technical
console-choice-organisational = Organisational

## Console: pages

# The first parts of long compounds, after which a heading or label may break in a narrow window.
soft-hyphens = infra counter

## Console: other pages, and /verify

# shared
console-more = Next page
console-search = Search
console-save = Save
console-back = Back
console-look-up = Look up
console-decide = Decide
console-overdue = Overdue
console-paused = Paused
console-undecided = Waits for a decision
console-erased-person = (erased)
console-role-service = Service
console-role-security = Security
console-role-technical = Technical
console-role-legal = Legal
console-role-billing = Billing
console-task-not-informed = Customer not informed
console-task-overdue = Deadline has passed
console-task-weak-match = A report matches only in part
console-task-contradiction = Reports contradict each other
console-task-left-company = The person has left the customer
console-task-new-address = The person has a new address
console-task-unread = A message cannot be read
console-task-unforwarded = A reply was not forwarded
console-task-stale-directory = Customers are out of date
console-task-webhook-failed = A webhook fails
console-task-promise = A promise falls due
console-task-draft = A draft of a series waits
console-task-state-open = To do
console-task-state-done = Done
console-circuit-closed = Used
console-circuit-half-open = Being probed
console-circuit-open = Not used for a while
console-circuit-unknown = Not known
console-promise-update = Next update is promised
console-promise-completion = End of the maintenance is promised
console-promise-stage = Next information about the breach
console-col-account = Account
console-col-action = Action
console-col-address = Address
console-col-addresses = Addresses
console-col-again = Sent again
console-col-answer = Answer
console-col-attempt = Attempt
console-col-author = Written by
console-col-carries = Carries
console-col-categories = Categories
console-col-category = Category
console-col-change = Change
console-col-changed = Changed
console-col-channel = How
console-col-connections = Connections
console-col-contacts = Contacts
console-col-covers = Entries that it covers
console-col-customer = Customer
console-col-deadline = Deadline
console-col-deferred = Deferred
console-col-delivery = Delivery
console-col-disabled = Disabled
console-col-discovered = Discovered
console-col-do = What you can do
console-col-done = Done
console-col-due = To be answered by
console-col-duty = Duty
console-col-ends = Ends
console-col-entries = Entries
console-col-event = Event
console-col-events = Events
console-col-extension = More time, because
console-col-failed = Failed
console-col-failing = Fails since
console-col-former-secret = Former secret signs until
console-col-forward = Forwarded
console-col-gone = Gone
console-col-grounds = Grounds
console-col-host = Host
console-col-inbound = Message
console-col-informed-since = Informed since
console-col-kind = Kind
console-col-language = Language
console-col-last-success = Last success
console-col-last-notice = Has last of this matter
console-col-newest-notice = Newest of this matter
console-col-left = Time left
console-col-level = How sure
console-col-made = Made
console-col-match = What ties it to a delivery
console-col-name = Name
console-col-needed-level = Counts as informed from
console-col-new = New
console-col-node = Node
console-col-note = Note
console-col-notice = Notice
console-col-object = Object
console-col-opened = Since
console-col-operator = Who
console-col-problem = Problem
console-col-progress = Progress
console-col-queued = Waiting calls
console-col-rate = Rate
console-col-reactivated = Back
console-col-received = Received
console-col-reference = Reference
console-col-refused = Refused
console-col-released = Released
console-col-reply = Reply
console-col-result = Result
console-col-retry = Next try
console-col-role = Role
console-col-roles = Roles
console-col-root = Root
console-col-route = Way in
console-col-seen = Last seen
console-col-sent = Sent
console-col-signed = Signed
console-col-since = Since
console-col-size = Bytes
console-col-source = Source
console-col-started = Started
console-col-state = State
console-col-task = Task
console-col-this-machine = This machine
console-col-took = Milliseconds
console-col-unsealed = Not sealed yet
console-col-url = Address
console-col-used = Last used
console-col-verdict = Informed
console-col-version = Version
console-col-via = How
console-col-what = What
console-col-when = Time
console-col-why = Reason
console-col-witness = Who informed
console-col-zone = Time zone
console-input-account = Account of the customer
console-input-answer = How was it answered?
console-input-as_one = Same person
console-input-by = Who informed the customer?
console-input-categories = Categories
console-input-category = Category
console-input-channel = How?
console-input-decision = Decision
console-input-email = Address
console-input-ends = Last day
console-input-events = Called for
console-input-file = File
console-input-grounds = The person’s grounds
console-input-ground = Ground
console-input-how = How to treat it
console-input-kind = Kind
console-input-name = Name
console-input-note = What was done
console-input-object = Object
console-input-operator = Operator
console-input-q = Account, name, address or reference
console-input-reason = Reason
console-input-received = Day of receipt
console-input-reset = Second factor
console-input-roles = Roles
console-input-said = What was said, or where is the letter?
console-input-since = From this day
console-input-to = Correct address
console-input-told_at = When?
console-input-until = Before this day
console-input-url = Address
console-input-waive = Duties that do not apply here
console-input-waiting = News and surveys that wait
console-input-wanted = Wants to receive
console-done-answered = The answer is recorded.
console-done-attested = It is recorded that the customer was informed.
console-done-calendar-revoked = The address of the calendar does not work any more.
console-done-continued = Sealing goes on. The reason is recorded in the ledger.
console-done-decided = The decision is recorded.
console-done-disabled = Disabled.
console-done-enabled = Enabled.
console-done-extended = There are two more months.
console-done-left = The customer is marked as left: nothing is sent to it any more.
console-done-lifted = The suppression is lifted.
console-done-objected = The objection is recorded.
console-done-operator-added = The operator is added. An invitation lets them set a password.
console-done-petition = It is in the register.
console-done-rectified = The address is corrected at every customer.
console-done-restricted = The data is restricted: no optional mail, masked in lists, every view is logged.
console-done-revoked = The key does not work any more.
console-done-saved = Saved.
console-done-suppressed = The address is suppressed.
console-done-task = The task is done.
console-done-unrestricted = The restriction is lifted.

# now
console-now-waiting = Waits for you
console-now-nothing-waits = Nothing waits for you.
console-now-approvals-caption = Notices that wait for your approval
console-now-approvals-empty = No notice waits for your approval.
console-now-tasks-caption = Tasks
console-now-tasks-empty = There is no open task.
console-now-all-tasks = All tasks
console-now-more = There are more than these: show all
console-now-uncertain =
    { $count ->
        [one] { $number } delivery with an unknown outcome
       *[other] { $number } deliveries with an unknown outcome
    }
console-now-uncertain-or-more =
    { $count ->
        [one] { $number } delivery or more with an unknown outcome
       *[other] { $number } deliveries or more with an unknown outcome
    }
console-now-unmatched =
    { $count ->
        [one] { $number } message that belongs to no known delivery
       *[other] { $number } messages that belong to no known delivery
    }
console-now-unmatched-or-more =
    { $count ->
        [one] { $number } message or more that belong to no known delivery
       *[other] { $number } messages or more that belong to no known delivery
    }
console-now-running = Being sent
console-now-running-caption = Notices that are being sent
console-now-running-empty = Nothing is being sent.
console-now-due = Due next
console-now-due-caption = What is due next
console-now-due-empty = Nothing is due.
console-now-release = Is released
console-now-of = { $part } of { $whole }
console-now-per-minute = { $number } a minute
console-now-overdue =
    { $count ->
        [one] { $number } customer not informed past the deadline
       *[other] { $number } customers not informed past the deadline
    }
console-now-health = Health
console-now-as-of = As of { $time }.
console-now-database = Database
console-now-database-good-short = Can be written
console-now-database-bad-short = Cannot be written
console-now-database-bad = The database cannot be written: nothing is sent.
console-now-dispatchers = Dispatchers
console-now-nodes =
    { $count ->
        [one] { $number } running
       *[other] { $number } running
    }
console-now-no-dispatcher = No dispatcher is running: nothing is sent.
console-now-no-relay = No relay can be used: what is due waits.
console-now-relay = Relay { $name }
console-now-entries =
    { $count ->
        [one] { $number } entry
       *[other] { $number } entries
    }
console-now-unsealed =
    { $count ->
        [one] { $number } entry is not sealed yet
       *[other] { $number } entries are not sealed yet
    }
console-now-ledger-bad = The ledger is not sealed any more: somebody has to look why.
console-now-ledger-bad-short = Stopped

# ask
console-ask-intro = Was this customer informed of what, when, with which words, and with which result?
console-ask-hint = What the account, each word of the name or an address begins with; or the id or the reference of a notice
console-ask-button = Ask
console-ask-nothing = No customer and no notice fits “{ $words }”.
console-ask-customers-caption = Customers
console-ask-customers-empty = No customer fits.
console-ask-written-to = The address was written to here
console-ask-more = There are more: type more of the name.
console-ask-notices-caption = Notices
console-ask-notices-empty = No notice fits.
console-ask-whom = Was a certain customer informed?
console-ask-everything = Everything that was sent to { $customer }
console-ask-history-caption = Notices to this customer, the newest first
console-ask-history-empty = Nothing was sent to this customer.
console-ask-customer = The customer
console-ask-other = Ask something else
console-ask-all = Everything that was sent to this customer
console-ask-narrow = Informed of a kind of notice, in a period?
console-ask-title = Was { $customer } informed?
console-ask-answer-informed = Yes: { $customer } was informed.
console-ask-answer-pending = Not decided yet: it is not known whether { $customer } is informed.
console-ask-answer-not-informed = No: { $customer } was not informed.
console-ask-answer-cannot-be = No: { $customer } has nobody to address.
console-ask-answer-not-addressed = { $customer } was not addressed.
console-ask-answer-not-released = Nothing was released to { $customer } yet.
console-ask-name-today = Its name today is { $name }.
console-ask-of-notices =
    { $count ->
        [one] Over { $number } notice: the worst answer counts.
       *[other] Over { $number } notices: the worst answer counts.
    }
console-ask-overdue =
    { $count ->
        [one] Overdue by { $number } notice.
       *[other] Overdue by { $number } notices.
    }
console-ask-late =
    { $count ->
        [one] Informed after the deadline by { $number } notice.
       *[other] Informed after the deadline by { $number } notices.
    }
console-ask-is-newest = It is the newest.
console-ask-newest-of = of { $time }, which the customer does not have
console-ask-newer = There is a newer notice of { $time } that the customer does not have.
console-ask-no-notice = There is no such notice to this customer.
console-ask-too-late = After the deadline
console-ask-deliveries-caption = Addresses and results
console-ask-deliveries-empty = Nothing was sent: there was nobody to address.
console-ask-words = The words as they were sent
console-ask-damaged = The stored text of this delivery does not match its entry in the ledger and is not shown. "besked ledger audit" examines it.
console-ask-attested-caption = Informed in other ways
console-ask-attested-empty = In no other way.
console-ask-withdrawn = Withdrawn: { $reason }
console-ask-notice = The notice
console-ask-evidence-pdf = Evidence for people (PDF)
console-ask-evidence-json = Evidence to verify (JSON)

# customers
console-customers-caption = Customers
console-customers-empty = There is no such customer.
console-customers-search = Search customers
console-customers-hint = What the account or each word of the name begins with; or an address, if your roles see all of them
console-customers-import = Import customers
console-customer-active = Active
console-customer-left = Has left
console-customer-former = Not used any more
console-customer-contacts = Contacts
console-customer-contacts-caption = Contacts
console-customer-contacts-empty = There is no contact: nobody can be addressed.
console-customer-preferences-caption = Opted out
console-customer-preferences-empty = No contact has opted out of anything.
console-customer-sent = Sent last
console-customer-all = Everything that was sent
console-customer-deliveries-caption = Last deliveries
console-customer-deliveries-empty = Nothing was sent to this customer.
console-customer-tasks-caption = Tasks
console-customer-tasks-empty = There is no task.
console-customer-calendar = Calendar of its maintenance
console-customer-leave = Mark as left
console-customer-leave-title = The customer leaves
console-customer-leave-text = Nothing is sent to it any more, until an import has it again. What was sent stays on record.
console-calendar-title = Calendar of { $customer }
console-calendar-text = The customer subscribes to this address in a calendar program, and sees its maintenance there.
console-calendar-give = Show the address
console-calendar-secret = This address is a secret: send it to the customer alone.
console-calendar-address = Address of the calendar
console-calendar-revoke = Revoke the address
console-calendar-revoke-text = The address stops working at once. The next one is another.
console-import-text = A file says who the customers and their contacts are. You see what it would change before anything is done.
console-import-hint = CSV, Excel or OpenDocument
console-import-how-replace = Customers that are not in the file have left
console-import-how-skip-invalid = Leave out rows that are wrong
console-import-how-allow-shrink = Take a file with less than half of the customers
console-import-check = See what it changes
console-import-none = Choose a file that is not empty.
console-import-too-large = The file may have at most { $most } bytes.
console-import-cut = The file did not arrive whole. Try again.
console-import-gone = The file is not here any more: it waits for an hour, and is deleted when a person is erased. Choose it again.
console-import-file = The file
console-import-outdated = Customers were changed since you saw what the file changes, so nothing was imported. This is what it would change now.
console-import-busy = This file is being imported at this moment.
console-import-busy-look = See whether it is done
console-import-wrong = { $name } cannot be imported as it is.
console-import-problems-caption = What is wrong
console-import-problems-empty = Nothing is wrong.
console-import-more-problems =
    { $count ->
        [one] And { $number } more problem.
       *[other] And { $number } more problems.
    }
console-import-would = This is what { $name } would change. Nothing is changed yet.
console-import-customers =
    { $count ->
        [one] { $number } customer in the file
       *[other] { $number } customers in the file
    }
console-import-contacts =
    { $count ->
        [one] { $number } contact in the file
       *[other] { $number } contacts in the file
    }
console-import-contacts-more =
    { $count ->
        [one] { $number } more contact
       *[other] { $number } more contacts
    }
console-import-sums-caption = Changes in numbers
console-import-sums-empty = Nothing changes.
console-import-changes-caption = Customers that change
console-import-changes-empty = No customer changes.
console-import-more =
    { $count ->
        [one] And { $number } more customer.
       *[other] And { $number } more customers.
    }
console-import-renamed = another name
console-import-values =
    { $count ->
        [one] { $number } attribute value
       *[other] { $number } attribute values
    }
console-import-erased =
    { $count ->
        [one] { $number } row is of a person who was erased, and is left out.
       *[other] { $number } rows are of persons who were erased, and are left out.
    }
console-import-rectified =
    { $count ->
        [one] { $number } row has an address that was corrected: the corrected one is stored.
       *[other] { $number } rows have addresses that were corrected: the corrected ones are stored.
    }
console-import-kept =
    { $count ->
        [one] { $number } customer with a wrong row keeps all that it has.
       *[other] { $number } customers with wrong rows keep all that they have.
    }
console-import-skipped = These rows are left out.
console-import-do = Import it now
console-import-other = Choose another file
console-import-done = The file is imported.
console-change-new = New
console-change-changed = Changed
console-change-gone = Gone
console-change-reactivated = Back

# tasks
console-tasks-caption = Open tasks
console-tasks-empty = There is nothing to do.
console-tasks-all-caption = All tasks
console-tasks-all-empty = There was no task yet.
console-tasks-open-only = Only open ones
console-tasks-show-all = All tasks
console-task-how-it-stands = How it stands with this customer
console-task-done = It is done
console-task-done-title = Close this task
console-task-note-hint = In one line, for the record
console-attest-told-hint = Empty for now; in the zone { $zone }
console-uncertain-title = Deliveries with an unknown outcome
console-uncertain-text = The connection was lost too late to know whether the mail server has the message. The log of the relay says it.
console-uncertain-caption = Deliveries with an unknown outcome
console-uncertain-empty = Every outcome is known.
console-uncertain-decide = Waits for your decision

# inbound
console-inbound-caption = What came back, the newest first
console-inbound-empty = Nothing came back yet.
console-inbound-unmatched-caption = What belongs to no known delivery
console-inbound-unmatched-empty = Everything belongs to a known delivery.
console-inbound-show-all = Everything that came back
console-inbound-show-unmatched = Only what belongs to no known delivery
console-inbound-one = A message that came back
console-inbound-reports-caption = What it says of its delivery
console-inbound-reports-empty = It says nothing of a delivery.
console-inbound-read = Read it
console-inbound-delivery = Its delivery
console-inbound-message = The message as it came
console-inbound-as-it-came = As it came; nothing of it is drawn or fetched
console-inbound-cut = The rest is not shown.
console-inbound-deleted = Its bytes were deleted: with a person, or when their time was over.
console-disposition-waiting = Waits to be read
console-disposition-recorded = Recorded
console-disposition-unmatched = Belongs to no known delivery
console-kind-none = Not read yet
console-kind-dsn = Delivery report
console-kind-arf = Complaint
console-kind-auto-reply = Automatic answer
console-kind-mdn = Receipt
console-kind-reply = Reply
console-kind-unknown = Cannot be read
console-forward-waiting = Waits to be forwarded
console-forward-withheld = Withheld
console-forward-forwarded = Forwarded to support
console-forward-failed = Could not be forwarded

# relays
console-relay-caption = The relay at each node
console-relay-empty = No node reports on it.
console-relay-all = All categories
console-relay-no-limit = No limit
console-relay-per-second = { $number } a second
console-relay-until = Next try { $time }
console-relay-paused = Paused, since the relay passed a request on: { $domains }
console-nodes-caption = Nodes
console-nodes-empty = No dispatcher is running.

# ledger
console-ledger-good = The ledger is in order.
console-ledger-stopped = Sealing has stopped. Mandatory notices are sent, news and surveys wait.
console-ledger-others-sign = Other nodes sign: { $path } is missing here. Copy it from one that signs.
console-ledger-signs = Signs
console-ledger-signs-not = Does not sign
console-ledger-continue = Continue
console-ledger-continue-title = Let sealing continue
console-ledger-continue-text = Sealing stops if the database does not go on where it was signed last, as after a restore. Find out why before you continue: the reason stays in the ledger.
console-ledger-reason-hint = In one line; it stays in the ledger
console-ledger-waiting-leave = Leave them uncertain, and decide later
console-ledger-waiting-send = Send them: some may get them twice
console-ledger-waiting-hint =
    { $count ->
        [one] { $number } delivery may have been sent already.
       *[other] { $number } deliveries may have been sent already.
    }
console-ledger-checkpoint = Last checkpoint
console-ledger-checkpoint-text = Whoever keeps a copy of it can prove later that nothing before it was changed.
console-ledger-key = Key that verifies it
console-ledger-public = The checkpoint, for everybody
console-ledger-verify = Verify evidence

# audit
console-audit-caption = Who asked for what, the newest first
console-audit-empty = Nothing fits.
console-result-ok = Done
console-result-invalid = Wrong input
console-result-not-found = Not found
console-result-conflict = Conflict
console-result-unauthenticated = Nobody known
console-result-forbidden = Not allowed
console-result-refused = Refused
console-result-later = Try later
console-result-failed = Failed

# people
console-person-unknown = Nothing is known of this address.
console-person-restricted = The data of this person is restricted: this view is logged.
console-person-others = Known as the same person’s: { $addresses }
console-person-contacts-caption = Contacts with this address
console-person-contacts-empty = No contact has this address.
console-person-opted-out = Opted out: { $category }
console-person-sent-caption = Sent to this address
console-person-sent-empty = Nothing was sent to this address.
console-person-more =
    { $count ->
        [one] And { $number } more: the export has them.
       *[other] And { $number } more: the export has them.
    }
console-right-export = Take the export
console-right-export-title = Export
console-right-export-text = Everything that is stored about the person, with evidence (GDPR Art. 15 and 20).
console-right-restrict = Restrict
console-right-restrict-title = Restriction
console-right-restrict-text = No optional mail, masked in lists, every view is logged. Mandatory notices are still sent (GDPR Art. 18).
console-right-unrestrict = Lift the restriction
console-right-unrestrict-title = Restriction
console-right-unrestrict-text = The data is restricted at present.
console-right-rectify = Correct
console-right-rectify-title = Correction
console-right-rectify-text = The address is corrected at every customer; opt-outs and restrictions move with it (GDPR Art. 16).
console-right-as-one = The correct address is known already, and is the same person’s
console-right-object = Record the objection
console-right-object-title = Objection
console-right-object-text = Optional mail stops at once. About mandatory notices somebody decides (GDPR Art. 21).
console-right-object-none = Choose at least one category.
console-right-grounds-hint = Needed for mandatory notices
console-right-erase = See what stands in the way
console-right-erase-title = Erasure
console-right-erase-text = Deletes everything that names the person; the proofs of others stay valid (GDPR Art. 17).
console-erase-whom = This erases the person with the address { $addresses }.
console-erase-free = Nothing stands in the way.
console-erase-duties = Duties to keep the record stand in the way.
console-erase-duties-caption = Duties to keep the record
console-erase-duties-empty = There is none.
console-erase-text = It cannot be undone.
console-erase-ground-hint = Stays in the ledger: without the name or the address of the person
console-erase-waive-hint = Tick each duty that does not apply in this case. The ledger names them.
console-erase-button = Erase this person
console-erase-not-waived = Nothing was erased: a duty stands against it that is not waived.
console-erased = The person is erased.
console-erased-contacts =
    { $count ->
        [one] { $number } contact deleted
       *[other] { $number } contacts deleted
    }
console-erased-deliveries =
    { $count ->
        [one] { $number } delivery names the person no more
       *[other] { $number } deliveries name the person no more
    }
console-erased-entries =
    { $count ->
        [one] { $number } entry of the ledger opened no more
       *[other] { $number } entries of the ledger opened no more
    }
console-erased-rows =
    { $count ->
        [one] { $number } row of a notice that is not released still names the person.
       *[other] { $number } rows of notices that are not released still name the person.
    }
console-erased-later = One step is done later: { $why }
console-petition-access = Access (Art. 15)
console-petition-rectification = Rectification (Art. 16)
console-petition-erasure = Erasure (Art. 17)
console-petition-restriction = Restriction (Art. 18)
console-petition-portability = Portability (Art. 20)
console-petition-objection = Objection (Art. 21)
console-petition-answer-done = Done
console-petition-answer-refused = Refused
console-petition-answer-withdrawn = Withdrawn
console-petition-left = { $time } left
console-petition-record = Put it into the register
console-petition-title = The person has asked for something
console-petition-text = It must be answered within one month of its receipt (GDPR Art. 12(3)).
console-petition-kind = What the person asks for
console-petition-answer-title = Record the answer
console-petition-answer-button = Record the answer
console-petition-note-hint = What was said to the person, in one line
console-petition-extend = Take two more months
console-petition-extend-text = Only if it is complex, and the person was told why within the first month.
console-petitions-open = Requests that wait for an answer
console-petitions-caption = Requests that wait for an answer, the most urgent first
console-petitions-empty = No request waits for an answer.
console-petitions-all = All requests of persons
console-petitions-all-caption = All requests, the newest first
console-petitions-all-empty = No person has asked for anything yet.
console-objections-caption = Objections to mandatory notices that wait for a decision
console-objections-empty = Nobody waits for a decision about an objection.
console-objections-all = All objections to mandatory notices
console-objections-all-caption = All objections to mandatory notices
console-objections-all-empty = Nobody has objected.
console-objection-decide = Decide about the objection of { $address }
console-decision-upheld = Upheld: these notices are not to be sent any more
console-decision-declined = Declined: compelling grounds prevail

# preferences and suppressions
console-preferences-caption = Opted out
console-preferences-empty = The address has opted out of nothing.
console-preferences-set = Change it on the person’s word
console-preferences-text = It holds at every customer. Mandatory notices are sent whatever is chosen here.
console-suppressions-text = News and surveys are not sent to these addresses; mandatory notices still are.
console-suppressions-caption = Suppressed addresses
console-suppressions-empty = No address is suppressed.
console-suppressions-add = Suppress
console-suppressions-add-title = Suppress an address
console-suppressions-lift = Lift
console-suppressions-lift-title = Lift a suppression
console-suppressions-lift-text = All reasons but a restriction, which only the person’s page lifts.
console-suppression-dead = Does not exist
console-suppression-complaint = Complained
console-suppression-restricted = Restricted (Art. 18)
console-suppression-manual = An operator’s decision

# operators, keys, webhooks
console-operators-caption = Operators
console-operators-empty = There is no operator yet.
console-operators-add = Add
console-operators-add-title = Add an operator
console-operators-kind-hint = A machine uses keys, and may not approve
console-operator-kind-person = Person
console-operator-kind-machine = Machine
console-operator-active = Active
console-operator-disabled = Disabled
console-operator-role-ops = ops: maintenance and disruptions
console-operator-role-security = security: breaches, security measures, disruptions
console-operator-role-legal = legal: agreements; approves breach notices
console-operator-role-finance = finance: bills
console-operator-role-marketing = marketing: news and surveys, without addresses
console-operator-role-compliance = compliance: reads everything, approves, answers persons and authorities
console-operator-role-support = support: answers one customer at a time
console-operator-role-admin = admin: operators, keys and the technical side; no notices
console-operator-role-auditor = auditor: reads ledger, audit log and evidence
console-operator-keys = Keys
console-operator-audit = What this operator asked for
console-operator-set = Roles and address
console-operator-invite = Make an invitation
console-operator-invite-title = Invite
console-operator-invite-text = A link by which this person sets a password. It works once, for 24 hours.
console-operator-reset = Take off the second factor, too
console-operator-invited = Send this link to the operator. It is shown only now, and works once, until { $time }.
console-operator-link = Link
console-operator-disable = Disable
console-operator-disable-text = The operator may not act any more: sessions end at once, keys are revoked for good.
console-operator-enable = Enable
console-operator-enable-text = The operator may act again, without the keys of before.
console-keys-caption = Keys of programs
console-keys-empty = There is no key.
console-keys-add = Make a key
console-keys-add-title = Make a key
console-keys-roles-hint = None ticked: all roles of the operator
console-keys-docs = How programs use it
console-key-active = Active
console-key-expired = Ended
console-key-revoked = Revoked
console-key-disabled = Operator disabled
console-key-revoke = Revoke
console-key-before = This form has made its key already. A key is shown once: if nobody has noted it, revoke it and make another one.
console-key-before-id = The key that it made
console-key-once = Copy this key now: it is never shown again.
console-key-of = Key of { $name }
console-webhooks-caption = Systems that are called
console-webhooks-empty = No system is called.
console-webhooks-add = Add
console-webhooks-add-title = Add a webhook
console-webhooks-url-hint = https, at a public address
console-webhook-title = Webhook
console-webhook-active = Active
console-webhook-failing = Fails
console-webhook-disabled = Disabled
console-webhook-attempts-caption = Last attempts
console-webhook-attempts-empty = It was not called yet.
console-webhook-set = Address and events
console-webhook-test = Call it now
console-webhook-test-text = A test call is made, and you see the answer.
console-webhook-tested = The receiver answered as it should.
console-webhook-test-failed = The call failed: { $problem }
console-webhook-rotate = Make another secret
console-webhook-rotate-text = The former secret signs besides for a day.
console-webhook-once = Copy this secret now: it is never shown again.
console-webhook-secret = Secret
console-webhook-disable = Disable
console-webhook-disable-text = It is called no more; what waits is kept.
console-webhook-enable = Enable
console-webhook-enable-text = It is called again, also for what waits.
console-event-notice-submitted = A notice was submitted
console-event-notice-approved = A notice was approved
console-event-notice-released = A notice was released
console-event-notice-closed = A notice was closed
console-event-delivery-final = Deliveries have an outcome
console-event-delivery-bounced = A message came back
console-event-coverage-overdue = Customers are overdue
console-event-task-opened = A person has a task
console-event-task-done = A task was closed
console-event-relay-down = No dispatcher can use a relay
console-event-relay-up = A relay can be used again
console-event-ledger-stopped = Sealing has stopped
console-event-ping = A test

# verify
language-name = English
verify-title = Verify evidence
verify-intro = Upload an evidence file, and read what it proves and what it does not.
verify-field = Evidence file
verify-button = Verify
verify-note = Nothing of the file is kept. The command “besked verify” does the same without us.
verify-valid = The file is valid.
verify-invalid = The file proves nothing.
verify-invalid-text = Take the file anew from its source, and upload it as it is: evidence that was changed, or of another ledger, is not valid here.
verify-failed-none = Choose a file.
verify-failed-large = The file is too large for this page: the command “besked verify” takes files of any size.
verify-failed-cut = The file did not arrive whole. Try again.
verify-failed-busy = Other files are being verified. Try again in a moment.
verify-failed-no-key = This machine does not have the key that verifies evidence.
verify-failed-failed = Something went wrong. Try again.
verify-notice = Notice
verify-ledger = Ledger
verify-checkpoint = Entries and root of the checkpoint
verify-key = Signed with the key
verify-recipients = Recipients in the file, of all
verify-messages = Messages exactly as sent
verify-entries = What the entries prove
verify-who = Who is proved to be a recipient
verify-more = The file has more than is shown here: the command “besked verify” shows all of it.

# What is wrong with a value of a form, by its code; the label of the field stands before it.
console-wrong-required = is required
console-wrong-line = must be one line, without control characters
console-wrong-placeholders = cannot contain placeholders
console-wrong-empty = must not be empty
console-wrong-twice = { $word } is listed twice
console-wrong-no-time = is not a time that exists
console-wrong-no-date = is not a date that exists
console-wrong-blank = must not be blank
console-wrong-body-of-news = is required: the text of the news
console-wrong-body-of-agreement = is required: the full changed text
console-wrong-not-resolved = is possible only with the status “resolved”
console-wrong-order = must be after “{ $field }”
console-wrong-after = is after “{ $field }”
console-wrong-before = is before “{ $field }”
console-wrong-over = is over when the notice is released
console-wrong-same-window = is the same window as the new one
console-wrong-future = is in the future
console-wrong-long-subject = has { $length } characters, and a subject may have { $most }: inboxes show the first 70 or so
console-wrong-no-file = choose the file with the customers
console-wrong-no-attribute = “{ $line }” has no name and value, such as region: sto1
console-wrong-no-send-at = is missing: write the date and the time
console-wrong-not-a-time = must be a date with a time, such as 2026-12-01 22:00

# What is refused.
console-refused-unknown-notice = There is no notice { $name }.
console-refused-impossible = This is not possible: the state of the notice is now “{ $state }”.
console-refused-own-approval = { $name } wrote this notice, and its category needs the approval of a second person.
console-refused-approval-void = The notice is not the one that was approved.
console-refused-audience-changed = The notice was approved for { $then } addresses, and would go to { $now } now.
console-refused-audience-others = The notice was approved for { $then } addresses, and would go to { $now } now, { $others } of them others.
console-refused-not-standing = The notice is no standing notice, and belongs to no series: its audience was complete when it was released.
console-refused-changed = The notice was changed since it was read.
console-refused-conflict = Another process changed the notice at the same time.
console-refused-no-customers = The audience is empty: no customers were imported.
console-refused-nobody-to-address = The audience has { $customers } customers, but no contact that this category addresses.
console-refused-follows-nothing = The notice has no audience and follows no notice.
console-refused-second-person = This needs the approval of a second person.
console-refused-forbidden-role = This needs the role { $roles }.
console-refused-forbidden-roles = This needs one of the roles { $roles }.
console-refused-lost = The release was stopped: the notice was cancelled or another process releases it.
console-refused-shrinks = The file has { $file } customers, { $active } are active now: that is too few to replace them all.
console-refused-erased-meanwhile = A person was erased meanwhile; nothing was imported.
console-refused-rectified-meanwhile = An address was corrected meanwhile; nothing was imported.
console-refused-outdated = Customers were changed since the changes were shown; nothing was imported.
console-refused-altered = The file is not the one whose changes were shown; nothing was imported.
